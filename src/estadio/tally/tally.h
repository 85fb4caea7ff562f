// The tally: reads the partitions of the log that it is given, one reader each, and counts every
// record into the score book exactly once.
//
// A reader folds what it reads into a handful of deltas and commits them with the position they
// start from. The score book applies a commit only when its own position is that one, so a reader
// that died, was late or is a second one on the same partition changes nothing: it is told where
// the book stands and goes on there. A reader that has nothing to read looks about once a second
// whether the book went back, as after a crash of its server.
//
// Records whose id a client gave may stand in the log twice; a reader remembers the recent ones
// (RecentIds) and, when it starts, first reads back as far as it must remember.
//
// Threads: one a partition. Every method may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
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
  struct Dependencies {
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
  // One partition as its reader last saw it.
  struct PartitionStatus {
    PartitionId partition;
    std::int64_t position = 0;              // of the next record to be counted
    std::optional<std::int64_t> window_ms;  // how far back ids are remembered; nothing: not yet
  };

  // Reads nothing yet.
  Tally(const Options& options, const Dependencies& deps);
  // Counts what the log holds already of its partitions (at most `kFinishPatience`), and ends.
  ~Tally();

  // Starts to count them, where it does not already.
  void add(std::span<const PartitionId> partitions);
  // Counts them no more, once they are removed as often as they were added: two members of a group
  // may hold one for a moment, when it goes from one to the other. Ends when their readers have.
  void remove(std::span<const PartitionId> partitions);

  // Waits until every reader has read back what it must remember, or has stopped; at most
  // `patience`.
  void wait_until_read_back(std::chrono::nanoseconds patience);

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::vector<PartitionStatus> partition_statuses() const;
  // Why not all is counted, for people; nothing when all is.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

 private:
  class Reader;
  // A reader of a partition that was added once or more.
  struct SharedReader {
    std::unique_ptr<Reader> reader;
    int times_added = 0;
  };
  enum class Ending { kCounted, kAtOnce };
  static constexpr std::chrono::seconds kFinishPatience{5};

  void count_read_back();
  // Its number among all partitions.
  [[nodiscard]] std::size_t number_of(PartitionId partition) const;
  void end(const std::vector<std::unique_ptr<Reader>>& readers, Ending ending);

  const Options options_;
  const Dependencies deps_;

  mutable std::mutex mutex_;
  std::condition_variable read_back_;
  // Guarded by mutex_.
  std::size_t not_read_back_ = 0;                // readers
  std::map<std::size_t, SharedReader> readers_;  // by number_of()
  Stats ended_;                                  // of readers that are gone
};

}  // namespace estadio
