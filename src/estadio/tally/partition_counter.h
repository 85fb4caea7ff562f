// Counts one partition into the score book, from the book's position on.
//
//   start()            reads the book's position, and reads back the ids before it
//   gather(), commit() count some records; repeated
//
// After an error, or when the book has another position, the caller starts again.
//
// Threads: belongs to its reader's thread. position(), status() and add_to() may be called from any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/tally/fold.h"
#include "estadio/tally/tally.h"

namespace estadio {

class PartitionCounter {
 public:
  // `number` is the partition's place in the order of all_partitions(). `options` and `deps` must
  // outlive the counter.
  PartitionCounter(const Tally::Options& options, const Tally::Dependencies& deps,
                   PartitionId partition, std::size_t number);

  // Returns a reader at the book's position, after the ids that a retry may repeat were read back.
  // Errors: kFailedPrecondition when the score is damaged or does not add up; kCorruption when the
  // score is of another log, the log lost its end, or a record is malformed; those of the log and
  // the book.
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> start();

  // Folds the records that come within `commit_every`. Waits for the first, unless a stop is
  // requested. Errors: those of the log; kCorruption when a record is no result of this contest.
  [[nodiscard]] base::Result<void> gather(PartitionReader& reader, const std::stop_token& stop);

  // Commits what was gathered; `next` is the reader's position. Returns false, and counts nothing,
  // when the book had another position. Errors: those of the book.
  [[nodiscard]] base::Result<bool> commit(std::int64_t next);

  // Returns whether the book still has this counter's position. Errors: those of the book.
  [[nodiscard]] base::Result<bool> is_at_books_position() const;

  // Announces how far back ids are remembered.
  void publish_window();

  // Returns the offset of the first record that is not committed.
  [[nodiscard]] std::int64_t position() const { return position_; }
  [[nodiscard]] Tally::PartitionStatus status() const;
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  void add_to(Tally::Stats& stats) const;

 private:
  [[nodiscard]] base::Result<Score> read_score() const;
  // Returns the book's position after checking that it belongs to this log.
  base::Result<std::int64_t> books_position();
  base::Result<void> read_back(PartitionReader& reader, std::int64_t start);
  // Reads at least one record. REQUIRES: the log has one there.
  // Errors: kUnavailable when none arrives in kReadAttemptsMax reads.
  base::Result<void> read_until_records(PartitionReader& reader);

  const Tally::Options& options_;
  const Tally::Dependencies& deps_;
  const PartitionId partition_;
  const std::size_t number_;
  base::Uuid incarnation_;  // nil while the partition may have no record
  Fold fold_;
  // Room for a read, and for the ids in it.
  std::vector<LoggedRecord> records_;
  std::vector<base::Uuid> remembered_;

  std::atomic<std::uint64_t> counted_{0}, repeated_{0}, commits_{0}, stale_commits_{0};
  std::atomic<std::int64_t> position_{0};
  std::atomic<std::int64_t> window_ms_{-1};
};

}  // namespace estadio
