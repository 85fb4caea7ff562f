// The tally: reads the log, one reader a partition, and counts every record into the score book
// exactly once.
//
// A reader folds what it reads into a handful of deltas and commits them with the position they
// start from. The score book applies a commit only when its own position is that one, so a reader
// that died, was late or is a second one on the same partition changes nothing: it is told where
// the book stands and goes on there.
//
// Records whose id a client gave may stand in the log twice; a reader remembers the recent ones
// (RecentIds) and, when it starts, first reads back as far as it must remember.
//
// Threads: one a partition, started by the constructor and ended by the destructor.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/known_ids.h"
#include "estadio/contest/retry_window.h"
#include "estadio/contest/score_book.h"

namespace estadio {

class Tally {
 public:
  struct Options {
    // How long a reader gathers before it commits: the delay a score has at most, and what keeps
    // commits few when entries are many.
    std::chrono::nanoseconds commit_every = std::chrono::milliseconds(10);
    // Client ids remembered, over all partitions.
    std::size_t retry_ids = 4'000'000;
  };

  // What a tally reads, where it counts, and what it tells; all must outlive it.
  struct Parts {
    const Contest& contest;
    const EventLog& events;
    ScoreBook& scores;
    RetryWindow& window;
    KnownIds* known = nullptr;  // told of the ids that are read back; may be null
    const base::Clock& clock;
    base::Logger& log;
  };

  struct Stats {
    std::uint64_t counted = 0;
    std::uint64_t repeated = 0;
    std::uint64_t commits = 0;
    std::uint64_t stale_commits = 0;  // not applied: the book stood elsewhere
    std::uint64_t failed_commits = 0;
    bool has_stopped = false;  // a reader met damage that it must not pass over
  };

  Tally(const Options& options, const Parts& parts);
  // Counts what the log holds already (at most `kFinishPatience`), and ends.
  ~Tally();

  // Waits until every reader has read back what it must remember, or has stopped; at most
  // `patience`.
  void wait_until_read_back(std::chrono::nanoseconds patience);

  [[nodiscard]] Stats stats() const;

 private:
  class Reader;
  static constexpr std::chrono::seconds kFinishPatience{5};

  void count_read_back();

  std::mutex mutex_;
  std::condition_variable read_back_;
  std::size_t not_read_back_ = 0;  // readers; guarded by mutex_
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace estadio
