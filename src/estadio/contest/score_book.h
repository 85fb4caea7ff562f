// The port to the score: counts, and for each partition of the log the position up to which they
// are counted, changed together or not at all. Implementations: score/ (RocksDB) and Redis. All
// pass score_book_contract.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/contest/event_log.h"

namespace estadio {

// What a tally found in the records from `first_offset` up to, not including, `next_offset`.
struct ScoreCommit {
  struct Delta {
    FacultyIndex faculty = 0;
    DisciplineIndex discipline = 0;
    std::int64_t count = 0;
  };

  base::Uuid topic_id;
  PartitionId partition;
  std::int64_t first_offset = 0;
  std::int64_t next_offset = 0;
  std::vector<Delta> deltas;  // each faculty and discipline at most once; the topic is the outcome
  std::int64_t repeated = 0;  // records that were not counted because their id was counted before
};

// What a commit did. `position` is the stored one, which is the commit's next_offset when applied.
struct CommitOutcome {
  bool is_applied = false;
  std::int64_t position = 0;
};

struct Score {
  // The names are those stored: a faculty that the contest no longer has keeps its counts.
  struct Count {
    std::string faculty;
    std::int64_t discipline_id = 0;
    Outcome outcome = Outcome::kWinner;
    std::int64_t count = 0;
  };
  struct Position {
    base::Uuid topic_id;
    PartitionId partition;
    std::int64_t next_offset = 0;
  };

  std::vector<Count> counts;
  std::vector<Position> positions;
  std::int64_t repeated = 0;

  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const Count& each : counts) sum += each.count;
    return sum;
  }
  // 0 when nothing of the partition was counted yet.
  [[nodiscard]] std::int64_t position(const base::Uuid& topic_id, PartitionId partition) const {
    for (const Position& each : positions) {
      if (each.topic_id == topic_id && each.partition == partition) return each.next_offset;
    }
    return 0;
  }
};

// Threads: every method may be called from any thread.
class ScoreBook {
 public:
  virtual ~ScoreBook() = default;

  // In one atomic step: if the stored position of the commit's partition is its first_offset, adds
  // the deltas and stores next_offset; else changes nothing and says where the position is.
  // Errors: kUnavailable, kResourceExhausted: it may or may not have been applied; the same commit
  // can be given again, and the position then tells.
  [[nodiscard]] virtual base::Result<CommitOutcome> commit(const ScoreCommit& commit) = 0;

  // Counts and positions of one moment.
  [[nodiscard]] virtual base::Result<Score> read() const = 0;
};

}  // namespace estadio
