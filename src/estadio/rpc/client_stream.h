// One stream of a judge's client to a server (JudgeStream of proto/estadio/v1/judge.proto).
//
//   kHandshake --response--> kOpen --retire()--> kRetiring --queue written--> kHalfClosed
//       |                      |                     |                            |
//       |        a read or a write fails, or the server ends the stream           |
//       +----------------------+---------------------+----------------------------+
//                              v
//                           kBroken --no write is under way--> kReleased --> Owner::on_done()
//
// The stream writes one message at a time and queues the others. It keeps each sub-batch until its
// answer comes, its deadline passes, or the stream is done.
//
// Bounds: the owner gives no batch to a stream with `in_flight_bytes` or more of unanswered
// messages.
//
// Threads: the owner's mutex guards the stream. Public methods require its lock. send() takes the
// lock as a parameter, to unlock it while gRPC writes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/dedup/judge_clocks.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_call.h"

namespace grpc {
class Channel;
class Status;
}  // namespace grpc

namespace estadio::v1 {
class GoAway;
class HandshakeResponse;
class JudgeRequest;
class Verdicts;
}  // namespace estadio::v1

namespace estadio {

// The error text for entries that no stream accepts. It names no address, because clients see it.
// Addresses and reasons are in the log and in JudgeChannels::unready_reason().
inline constexpr std::string_view kNoServer = "no judge's server can be reached: send again later";

// A sub-batch that waits for its answer.
struct PendingSubBatch {
  std::shared_ptr<JudgeCall> call;  // shared by its sub-batches; the last one to end calls `done`
  std::size_t number = 0;           // in the call
  std::size_t bytes = 0;            // of its message
  base::Nanos deadline{};
  bool is_sent = false;

  [[nodiscard]] std::size_t entries() const { return call->places(number).size(); }
};

// A sub-batch that ended without an answer.
struct EndedSubBatch {
  PendingSubBatch sub_batch;
  base::Error error;
};

class ClientStream {
 public:
  enum class Phase {
    kHandshake,   // the request is under way
    kOpen,        // takes batches
    kRetiring,    // takes no more; its queue is being written
    kHalfClosed,  // our half is closed; answers come
    kBroken,      // nothing can be sent any more; a write is under way
    kReleased,    // gRPC may end it
  };

  // A server's handshake response.
  struct ServerInfo {
    DisciplineMask judged = 0;
    std::string coin_commitment;     // empty: not said
    std::int64_t started_at_ms = 0;  // 0: not said
    std::int64_t retry_window_ms = 0;
  };

  // Receives the stream's events.
  class Owner {
   public:
    // The next three are called with the lock held.

    // Returns an error to refuse the server. Otherwise the stream is open after this call.
    [[nodiscard]] virtual base::Result<void> on_handshake(ClientStream& stream,
                                                          const ServerInfo& server) = 0;
    // The server asks for another stream in place of this open one.
    virtual void on_go_away(ClientStream& stream) = 0;
    // The stream was open and has broken.
    virtual void on_broken(ClientStream& stream) = 0;

    // Called without the lock. gRPC is done with the stream. `ended` has the sub-batches that got
    // no answer. The owner may destroy the stream now, and not before.
    virtual void on_done(ClientStream& stream, std::string reason,
                         std::vector<EndedSubBatch> ended) = 0;

   protected:
    ~Owner() = default;
  };

  using Lock = std::unique_lock<std::mutex>;

  struct Options {
    std::size_t slot = 0;  // the owner's name for the stream's place
    HandshakeParty caller;
    base::Nanos handshake_deadline{};
    const base::Clock& clock;
  };

  // `mutex` is the owner's.
  ClientStream(Owner& owner, std::mutex& mutex, const Options& options);
  // REQUIRES: start() was never called, or on_done() was called.
  ~ClientStream();
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // Opens the stream and sends the handshake.
  void start(const std::shared_ptr<grpc::Channel>& channel);

  // Queues a message with its sub-batch, and writes it as soon as it can. REQUIRES: the stream is
  // open. Each sequence is larger than the one before. Deadlines never decrease from one call to
  // the next.
  void send(Lock& lock, std::uint64_t sequence, PendingSubBatch sub_batch,
            v1::JudgeRequest&& message);

  // Closes our half of the stream once its queue is written. REQUIRES: the stream is open.
  void retire();

  void cancel();

  // Gives up a handshake that is late, and moves sub-batches that are late into `ended`.
  void tick(base::Nanos now, std::vector<EndedSubBatch>& ended);

  [[nodiscard]] std::size_t slot() const { return slot_; }
  [[nodiscard]] const ServerInfo& server() const { return server_; }
  // Returns the server's wall clock less our monotonic clock, by the last message. It is too small
  // by the time that the message travelled. REQUIRES: the stream was open.
  [[nodiscard]] std::chrono::milliseconds clock_offset() const { return clock_offset_; }
  // Returns which ids the server takes, by its last message.
  [[nodiscard]] IdCheck id_check() const { return id_check_; }
  [[nodiscard]] std::size_t in_flight_bytes() const { return in_flight_bytes_; }
  [[nodiscard]] bool server_is_stopping() const { return server_is_stopping_; }
  // Returns whether the stream was open when it broke.
  [[nodiscard]] bool was_open() const { return was_open_; }

 private:
  class Call;

  // On gRPC's threads.
  void on_read(bool ok);
  void on_written(bool ok);
  void on_done(const grpc::Status& status);

  void take_handshake(const v1::HandshakeResponse& response);
  void take_verdicts(const v1::Verdicts& verdicts, Lock& lock);
  void take_go_away(const v1::GoAway& go_away);

  [[nodiscard]] bool is_broken() const;
  void refuse(base::Error error);
  void write_next(Lock& lock);
  void close_half();
  void break_off();

  Owner& owner_;
  std::mutex& mutex_;
  const std::size_t slot_;
  const HandshakeParty caller_;
  const base::Clock& clock_;
  const base::Nanos handshake_deadline_;
  const std::unique_ptr<Call> call_;  // gRPC's side of the stream, with the queue

  // Guarded by mutex_.
  Phase phase_ = Phase::kHandshake;
  ServerInfo server_;
  std::chrono::milliseconds clock_offset_{};
  IdCheck id_check_ = IdCheck::kByTime;
  std::map<std::uint64_t, PendingSubBatch> pending_;  // by sequence, queued ones too
  std::size_t in_flight_bytes_ = 0;                   // of pending_
  std::optional<base::Error> refusal_;                // why we cancelled the stream
  bool is_writing_ = false;
  bool was_open_ = false;
  bool server_is_stopping_ = false;
};

}  // namespace estadio
