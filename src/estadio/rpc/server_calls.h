// The calls that a server has under way, and the state that they share: options, judges, counters.
//
// A stream has a judge of its own while it lasts. The calls of JudgeOne share one judge.
//
// Threads: all methods may be called from any thread. tick() and begin_stopping() hold the lock of
// ServerCalls while they lock each stream. So a stream that holds its own lock must not call a
// method here that locks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "estadio/contest/judge.h"
#include "estadio/rpc/handshake.h"
#include "estadio/rpc/judge_server.h"

namespace estadio {

class ServerStream;

class ServerCalls {
 public:
  struct Counters {
    std::atomic<std::uint64_t> streams_refused{0};
    std::atomic<std::uint64_t> go_aways{0};
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> batches_malformed{0};
    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> pauses{0};
    std::atomic<std::size_t> judge_one_calls{0};  // under way
  };

  // `judged` has the disciplines that the server judges.
  ServerCalls(JudgeServer::Options options, JudgeServer::Dependencies deps, DisciplineMask judged);

  [[nodiscard]] const JudgeServer::Options& options() const { return options_; }
  [[nodiscard]] const JudgeServer::Dependencies& deps() const { return deps_; }
  [[nodiscard]] DisciplineMask judged() const { return judged_; }
  [[nodiscard]] HandshakeParty party() const;

  // Counts a new call. Returns false while the server is stopping. Call leave() in both cases.
  bool enter();
  void leave();

  enum class Admission { kAdmitted, kStopping, kFull };
  // Counts a new stream, as enter(). tick() and begin_stopping() reach an admitted stream, until
  // remove(). kFull means that there are `streams_max` streams.
  [[nodiscard]] Admission admit(ServerStream& stream);
  void remove(ServerStream& stream);

  // A stream gives its judge back after it has ended. So no judge is destroyed within the callback
  // of its own last batch.
  std::unique_ptr<Judge> take_judge();
  void give_back(std::unique_ptr<Judge> judge);

  // Returns the time at which a stream that begins now gets its GoAway.
  base::Nanos draw_go_away_at();

  // Judges the entry of a JudgeOne call, and gives it an id where the client gave none.
  void judge_one(EntryBatch& batch, std::span<Verdict> verdicts, Judge::Done done);

  // Calls tick() on every stream.
  void tick();

  // From now on enter() returns false. Sends GoAway on every stream.
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

  mutable std::mutex mutex_;  // taken before a stream's own
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::size_t calls_ = 0;
  std::set<ServerStream*> streams_;
  std::vector<std::unique_ptr<Judge>> spare_judges_;
  std::mt19937_64 random_;
  bool is_stopping_ = false;
};

}  // namespace estadio
