// Counts the log again from its beginning, by the tally's rule: the score that a book should hold
// at its positions.
//
// Threads: a Recount belongs to one thread. Its methods block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/verify/contest_counts.h"

namespace estadio {

class Recount {
 public:
  // REQUIRES: all of these outlive the recount.
  struct Dependencies {
    const Contest& contest;
    EventLog& events;
    RetryRule retry;
    IdMemory& memory;
    const base::Clock& clock;
    // How long the log may take to return a record that it has.
    std::chrono::nanoseconds read_patience = std::chrono::seconds(20);
    std::function<void(std::int64_t records)> on_progress;  // may be empty
  };

  explicit Recount(const Dependencies& deps);
  ~Recount();

  // Counts each partition up to its position in a book, but not beyond the log's end. A partition
  // without a position is not counted. A partition that is already counted further stays.
  // Errors: kCorruption, which names the place, when the log is damaged or holds a record that is
  // no result of the contest; kUnavailable when the log does not answer. After an error the recount
  // cannot be used.
  [[nodiscard]] base::Result<void> count_to(std::span<const Score::Position> positions);

  // Returns the score of the counted records. It has no count and no position of 0.
  [[nodiscard]] Score score() const;
  // Returns how many records were read.
  [[nodiscard]] std::int64_t records() const { return records_; }

 private:
  struct Partition;

  base::Result<void> count_to(Partition& partition, std::int64_t offset);

  const Dependencies deps_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  ContestCounts counts_;
  NotCounted not_counted_;
  std::int64_t records_ = 0;
};

}  // namespace estadio
