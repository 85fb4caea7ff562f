// The judge of one thread, with its streams to the addresses of its channels (judge_channels.h has
// the contract).
//
//   judge() -> route() divides the batch over the streams -> send() -> ClientStream
//   ClientStream -> on_...() -> the stream's slot; end() -> JudgeCall -> done
//
// Threads: judge() belongs to one thread, the others may be called from any thread. The streams
// call back on gRPC's threads.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "estadio/contest/judge.h"
#include "estadio/rpc/client_stream.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_channels.h"
#include "estadio/rpc/remote_clocks.h"
#include "estadio/rpc/routing.h"

namespace estadio {

// The state that the judges of the same channels share.
struct JudgeClientShared {
  struct Counters {
    std::atomic<std::uint64_t> streams_failed{0};
    std::atomic<std::uint64_t> go_aways{0};
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> entries_refused{0};
    std::atomic<std::uint64_t> entries_unknown{0};
  };

  JudgeChannels::Options options;
  JudgeChannels::Dependencies deps;
  // The connections to each address. gRPC shares them with their streams.
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  Counters counters;

  [[nodiscard]] HandshakeParty party() const {
    return {.contest = deps.contest, .coin_commitment = options.coin_commitment};
  }
};

// The judge of one thread, with its streams to all addresses.
class JudgeClient final : public Judge, public ClientStream::Owner {
 public:
  // Opens its streams without waiting for them, and enters the registry until it is destroyed.
  // `seed` is that of the jitter. REQUIRES: the others outlive it.
  JudgeClient(JudgeClientShared& shared, std::set<JudgeClient*>& registry,
              std::mutex& registry_mutex, std::uint64_t seed);
  ~JudgeClient() override;

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override;

  // Opens streams that are due, and ends batches that are late.
  void tick();
  // Cancels the streams. Takes no batch from now on.
  void stop();
  [[nodiscard]] std::optional<std::string> unready_reason() const;
  [[nodiscard]] std::size_t streams_open() const;
  // Adds the clocks of the servers in use.
  void add_clocks(std::vector<RemoteClocks::Reading>& readings) const;

 private:
  using Lock = ClientStream::Lock;

  // One stream to an address, and its successor.
  struct StreamSlot {
    std::size_t address = 0;
    ClientStream* current = nullptr;     // takes batches
    ClientStream* next = nullptr;        // in its handshake
    std::optional<base::Nanos> next_at;  // when to open a stream
    std::chrono::nanoseconds backoff{};
    std::string last_error;  // why there is no current stream
  };

  struct Route {
    Division division;
    base::Error refusal;  // of entries that no stream takes
  };
  [[nodiscard]] Route route(DisciplineMask disciplines) const;
  void send(std::size_t slot, DisciplineMask disciplines, PendingSubBatch sub_batch,
            v1::JudgeRequest&& message);

  // With the lock held.
  [[nodiscard]] base::Result<void> on_handshake(ClientStream& stream,
                                                const ClientStream::ServerInfo& server) override;
  void on_go_away(ClientStream& stream) override;
  void on_broken(ClientStream& stream) override;
  [[nodiscard]] base::Result<void> compare_with_others(
      const ClientStream::ServerInfo& server) const;
  void open(StreamSlot& slot, std::size_t number);
  void try_later(StreamSlot& slot, std::string error);

  // Without the lock.
  void on_done(ClientStream& stream, std::string reason, std::vector<EndedSubBatch> ended) override;
  void end(std::vector<EndedSubBatch> ended);
  void end(const PendingSubBatch& sub_batch, base::Error error);

  JudgeClientShared& shared_;
  std::set<JudgeClient*>& registry_;
  std::mutex& registry_mutex_;  // taken before mutex_

  // judge() alone.
  std::uint64_t next_sequence_ = 1;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<StreamSlot> slots_;
  std::unordered_map<ClientStream*, std::unique_ptr<ClientStream>>
      streams_;                    // until gRPC is done with each
  std::size_t streams_alive_ = 0;  // those that are being destroyed, too
  std::mt19937_64 random_;
  bool is_stopping_ = false;
};

}  // namespace estadio
