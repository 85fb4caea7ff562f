// The score book on this machine's disk, in RocksDB. A commit is one WriteBatch, so its deltas and
// its position are stored together or not at all. Commits are not synced. After a power cut the
// book may be a little older, and the tally counts the rest again from the log.
//
// RocksDB does not survive a write that fails on a full disk: as Debian builds it, the next write
// ends the process. So a commit needs spare room before it begins. After a write that failed
// anyway, the book closes the database and opens it again.
//
//   key                                          value, as text
//   count/<discipline id>/<outcome>/<faculty>    how many
//   position/<topic>/<partition>                 a PartitionState, as text_of() writes it
//   not_counted/<field of NotCounted>            how many records
//
// Threads: see ScoreBook.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/score_book.h"
#include "estadio/contest/stored_book.h"

namespace estadio {

class RocksScoreBook final : public ScoreBook {
 public:
  // Opens the book in the folder, or makes one. REQUIRES: `contest` outlives it.
  // Errors: kResourceExhausted when the disk lacks room; kCorruption; kUnavailable for any other
  // error of RocksDB; the system's.
  [[nodiscard]] static base::Result<std::unique_ptr<RocksScoreBook>> open(const std::string& folder,
                                                                          const Contest& contest);

  // Returns the score of the book in `folder`, which another process may have open.
  // Errors: kNotFound when there is no book.
  [[nodiscard]] static base::Result<Score> read_from(const std::string& folder);

  // For a repair. Returns all values, also those that no score book wrote. Errors: as read_from().
  [[nodiscard]] static base::Result<StoredBook> read_stored_from(const std::string& folder);
  // Returns the values of a book that holds `score`.
  [[nodiscard]] static StoredValues values_of(const Score& score);
  // Replaces the book in the folder in one atomic step. A missing book is made.
  // Errors: those of open(). kUnavailable when another process has the book open.
  [[nodiscard]] static base::Result<void> replace(const std::string& folder, const Score& score);

  ~RocksScoreBook() override;

  [[nodiscard]] base::Result<CommitOutcome> commit(const ScoreCommit& commit) override;
  [[nodiscard]] base::Result<Score> read() const override;

 private:
  struct Database;

  RocksScoreBook(std::string folder, const Contest& contest);

  // Opens the database and reads what it holds.
  base::Result<void> open_database();

  const std::string folder_;
  const Contest& contest_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unique_ptr<Database> database_;  // null after a write that failed
  StoredValues values_;                 // of the database; a score book wrote all of them
};

}  // namespace estadio
