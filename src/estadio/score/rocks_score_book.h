// The score book on this machine's disk, in RocksDB. A commit is one WriteBatch, so deltas and
// position are there together or not at all. Commits are not synced: after a power cut the book
// may be a little older, counts and positions together, and the tally catches it up from the log.
//
// RocksDB does not survive a write that fails for want of room (as Debian builds it, the next one
// ends the process): a commit is only begun with room to spare, and after one that failed all the
// same the database is closed and opened anew.
//
//   key                                     value (8 bytes, little-endian)
//   count/<discipline id>/<outcome>/<faculty>    how many
//   position/<topic id>/<topic>/<partition>      next offset
//   repeated                                     how many records were repeats
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
  // Opens the book in the folder, or makes one. `contest` must outlive it.
  [[nodiscard]] static base::Result<std::unique_ptr<RocksScoreBook>> open(const std::string& folder,
                                                                          const Contest& contest);

  // The score as a book in `folder` holds it, whether or not a process has it open.
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
