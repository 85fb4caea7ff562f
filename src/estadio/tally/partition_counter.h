// Counts one partition into the score book, from the book's position on.
//
//   start()            reads the book's state
//   gather(), commit() count some records; the caller calls them in a loop
//
// After an error, or when the book has another state, the caller starts again.
//
// The log may lose its end and grow again. Then the book counts records that the log does not hold,
// and further records must not be added to them. So start() reads the last counted record once more
// and compares it with the book's chain. commit() does the same after the new records were read,
// when the log can lose records while it is open.
//
// Threads: belongs to its reader's thread. position(), add_to() and the other const methods may be
// called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/dedup/fold.h"
#include "estadio/dedup/repeat_filter.h"
#include "estadio/tally/tally.h"

namespace estadio {

class PartitionCounter {
 public:
  // REQUIRES: `options` and `deps` outlive the counter.
  PartitionCounter(const Tally::Options& options, const Tally::Dependencies& deps,
                   PartitionId partition, std::function<bool()> is_cancelled);

  // Returns a reader at the book's position.
  // Errors: kFailedPrecondition when the score is damaged or does not add up. kCorruption when the
  // score counts records that the log does not hold. Others are the log's and the book's.
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> start();

  // Waits up to a second for the first records, unless a stop is requested. Then folds the records
  // that are ready, for at most about `commit_every`; ten times as long while the log, which can
  // lose records, has more at once. Errors: those of Fold::add() and of the log.
  [[nodiscard]] base::Result<void> gather(PartitionReader& reader, const std::stop_token& stop);

  // Commits what was gathered; `next` is the reader's position. Returns false, and counts nothing,
  // when the book had another state. Errors: kCorruption as for start(); those of log and book.
  [[nodiscard]] base::Result<bool> commit(std::int64_t next);

  // Returns whether the book still has this counter's state. Errors: those of commit().
  [[nodiscard]] base::Result<bool> is_at_books_position();

  // Returns the offset of the first record that is not committed.
  [[nodiscard]] std::int64_t position() const { return position_; }
  [[nodiscard]] Tally::PartitionStatus status() const;
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  void add_to(Tally::Stats& stats) const;

 private:
  [[nodiscard]] base::Result<Score> read_score() const;
  // Returns the book's state after checking that it belongs to this log.
  base::Result<PartitionState> books_state();
  [[nodiscard]] base::Result<bool> has_books_state() const;
  // Checks that the log still holds the last record before `state`'s position.
  base::Result<void> check_last_record(const PartitionState& state);
  // Returns kCorruption, and notes that the log went back.
  base::Failure log_went_back(std::string what);

  const Tally::Options& options_;
  const Tally::Dependencies& deps_;
  const PartitionId partition_;
  const RecordFormat format_;
  PartitionState state_;  // the book's; its incarnation is nil while the partition has no record
  RecordChain chain_;     // of the records before the reader's position
  RepeatFilter filter_;
  Fold fold_;
  std::vector<LoggedRecord> records_;  // of the last read

  std::atomic<std::uint64_t> counted_{0}, repeated_{0}, not_in_time_{0};
  std::atomic<std::uint64_t> commits_{0}, stale_commits_{0};
  std::atomic<bool> has_started_{false};
  std::atomic<bool> has_log_gone_back_{false};
  std::atomic<std::int64_t> position_{0};
};

}  // namespace estadio
