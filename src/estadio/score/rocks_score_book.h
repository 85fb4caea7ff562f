// The score book on this machine's disk, in RocksDB. A commit is one WriteBatch, so its deltas and
// its position are stored together or not at all. Commits are not synced. After a power cut the
// book may be a little older, and the tally counts the rest again from the log.
//
// RocksDB does not survive a write that fails on a full disk: as Debian builds it, the next write
// ends the process. So a commit needs spare room before it begins. After a write that failed
// anyway, the book closes the database and opens it again.
//
//   key                                     value (8 bytes, little-endian)
//   count/<discipline id>/<outcome>/<faculty>    how many
//   position/<topic id>/<topic>/<partition>      next offset
//   not_counted/<repeated or not_in_time>        how many records
//
// Threads: see ScoreBook.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/score_book.h"

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
  std::unique_ptr<Database> database_;          // null after a write that failed
  std::map<std::string, std::int64_t> values_;  // what the database holds
};

}  // namespace estadio
