// The tally takes every record of its partitions into the score book exactly once. Repeats go to
// their own counter, and so do records that are not in time. Each partition has one reader.
//
// A reader folds records into a few deltas. It commits them with the state that they start from.
// The score book applies a commit only when its stored state is the same. So a late or second
// reader of a partition changes nothing, and the reader starts again from the book's state. A
// reader without new records reads the score about once a second. So the reader notices when the
// book went back, as after a crash of the book's server.
//
// When the score counts records that the log does not hold, the partition is not counted any more
// (PartitionCounter). A reader that has stopped looks again every second, so it goes on once log
// and score are repaired.
//
// A record with a given id may be in the log twice. A reader's RepeatFilter decides which one
// counts.
//
// Threads: one per partition. Every method may be called from any thread.
#pragma once

#include <chrono>
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
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

class Tally {
 public:
  struct Options {
    // The least time from the start of one commit round of a reader to the next. The first record
    // after an idle time is committed at once. A longer time means fewer commits and a later score.
    std::chrono::nanoseconds commit_every = std::chrono::milliseconds(10);
  };

  // REQUIRES: all of these outlive the tally.
  struct Dependencies {
    const Contest& contest;
    EventLog& events;
    ScoreBook& scores;
    RetryRule retry;
    IdMemory& memory;
    const base::Clock& clock;
    base::Logger& log;
  };

  struct Stats {
    std::uint64_t counted = 0;
    std::uint64_t repeated = 0;
    std::uint64_t not_in_time = 0;
    std::uint64_t commits = 0;
    std::uint64_t stale_commits = 0;   // not applied: the book had another position
    std::uint64_t failed_commits = 0;  // attempts to start, read or commit that are made again
    bool has_stopped = false;          // a reader found damage that it must not skip
    bool has_log_gone_back = false;    // the score counts records that the log does not hold
  };

  struct PartitionStatus {
    PartitionId partition;
    std::optional<std::int64_t> position;  // of the next record to count; nothing until it is known
  };

  // Starts without partitions.
  Tally(const Options& options, const Dependencies& deps);
  // Counts to the end of its partitions, for about kFinishPatience at most, and joins the readers.
  ~Tally();

  // Starts a reader for each of the partitions that has none.
  void add(std::span<const PartitionId> partitions);
  // Each add() of a partition needs one remove(). The last remove() stops the reader. Two members
  // of a group may hold one partition for a moment, when it moves from one to the other. Returns
  // when the stopped readers have ended.
  void remove(std::span<const PartitionId> partitions);

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::vector<PartitionStatus> partition_statuses() const;
  // Returns the last error of a reader that cannot count, for people. Returns nothing when all
  // readers count.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

 private:
  class Reader;
  struct SharedReader {
    std::unique_ptr<Reader> reader;
    int times_added = 0;
  };
  enum class Ending { kCounted, kAtOnce };
  static constexpr std::chrono::seconds kFinishPatience{5};

  // Returns the partition's number in the order of all_partitions().
  [[nodiscard]] std::size_t number_of(PartitionId partition) const;
  void end(const std::vector<std::unique_ptr<Reader>>& readers, Ending ending);

  const Options options_;
  const Dependencies deps_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::size_t, SharedReader> readers_;  // by number_of()
  Stats ended_;                                  // of readers that have ended
};

void write_metrics(base::MetricsWriter& metrics, const Tally::Stats& stats);

}  // namespace estadio
