// The calls that a server has under way, and the state that they share: options, judges, counters.
//
// A stream has a judge of its own while it lasts. The calls of JudgeOne share one judge.
//
// Threads: all methods may be called from any thread. tick() and begin_stopping() hold the lock of
// ServerCalls while they lock each call. So a call that holds its own lock must not call a method
// here that locks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "estadio/contest/judge.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_server.h"
#include "estadio/rpc/peer_counts.h"

namespace estadio {

// A call as ServerCalls sees it.
class ServerCall {
 public:
  virtual ~ServerCall() = default;

  // Does what is due at `now`. A caller that let a deadline pass is ended or cut off.
  virtual void tick(base::Nanos now) = 0;

  // The server stops: ends a call that waits for its first message, and asks a stream to go away.
  virtual void stop(base::Nanos now) = 0;
};

class ServerCalls {
 public:
  struct Counters {
    std::atomic<std::uint64_t> streams_refused{0};
    std::atomic<std::uint64_t> go_aways{0};
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> batches_malformed{0};
    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> pauses{0};
    std::atomic<std::uint64_t> ones_refused{0};
    std::atomic<std::uint64_t> peers_refused{0};
    std::atomic<std::uint64_t> calls_cut_off{0};
  };

  // `judged` has the disciplines that the server judges.
  ServerCalls(JudgeServer::Options options, JudgeServer::Dependencies deps, DisciplineMask judged);

  [[nodiscard]] const JudgeServer::Options& options() const { return options_; }
  [[nodiscard]] const JudgeServer::Dependencies& deps() const { return deps_; }
  [[nodiscard]] DisciplineMask judged() const { return judged_; }
  [[nodiscard]] HandshakeParty party() const;

  // JudgeStream and JudgeOne have limits of their own.
  enum class Kind { kStream, kOne };

  // Counts a new call of a peer's host, until leave(). tick() and begin_stopping() reach an
  // admitted call, until remove(). Call both in every case. Errors: kUnavailable while the server
  // is stopping. kResourceExhausted names the limit: that of all calls of the kind, or that of the
  // peer.
  [[nodiscard]] base::Result<void> admit(ServerCall& call, Kind kind, const std::string& host);
  void remove(ServerCall& call);
  void leave();

  // A stream gives its judge back after it has ended. So no judge is destroyed within the callback
  // of its own last batch.
  std::unique_ptr<Judge> take_judge();
  void give_back(std::unique_ptr<Judge> judge);

  // Returns the time at which a stream that begins now gets its GoAway.
  base::Nanos draw_go_away_at();

  // Judges the entry of a JudgeOne call, and gives it an id where the client gave none.
  void judge_one(EntryBatch& batch, std::span<Verdict> verdicts, Judge::Done done);

  // Calls tick() on every admitted call.
  void tick();

  // From now on admit() refuses every call. Calls stop() on every admitted call.
  void begin_stopping();

  // Returns when no call is left, or after `patience`.
  void wait_until_left(std::chrono::nanoseconds patience);
  void wait_until_left();

  [[nodiscard]] JudgeServer::Stats stats() const;

  Counters counters;

 private:
  const JudgeServer::Options options_;
  const JudgeServer::Dependencies deps_;
  const DisciplineMask judged_;

  std::mutex one_mutex_;
  const std::unique_ptr<Judge> one_judge_;  // one_mutex_
  base::UuidGenerator ids_;                 // one_mutex_

  struct Admitted {
    Kind kind = Kind::kStream;
    std::string host;
  };
  struct Limit {
    std::size_t calls_max = 0;
    std::size_t calls = 0;  // under way
    PeerCounts peers;
  };

  Limit& limit_of(Kind kind) { return kind == Kind::kStream ? streams_ : ones_; }

  mutable std::mutex mutex_;  // taken before a call's own
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::size_t calls_ = 0;
  std::unordered_map<ServerCall*, Admitted> admitted_;
  Limit streams_;
  Limit ones_;
  std::vector<std::unique_ptr<Judge>> spare_judges_;
  std::mt19937_64 random_;
  bool is_stopping_ = false;
};

}  // namespace estadio
