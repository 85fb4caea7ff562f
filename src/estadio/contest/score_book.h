// The port to the score: counts, and for each partition of the log the position up to which they
// are counted, changed together or not at all. Implementations, in score/, pass
// score_book_contract.h.
#pragma once

#include <algorithm>
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

  PartitionId partition;
  base::Uuid incarnation;  // of the partition
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
    PartitionId partition;
    base::Uuid incarnation;
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
  // Nothing when no record of the partition was counted yet.
  [[nodiscard]] const Position* find(PartitionId partition) const {
    const auto found = std::ranges::find(positions, partition, &Position::partition);
    return found == positions.end() ? nullptr : &*found;
  }
  // Where the partition's next record to be counted is.
  [[nodiscard]] std::int64_t position(PartitionId partition) const {
    const Position* found = find(partition);
    return found == nullptr ? 0 : found->next_offset;
  }
};

// Threads: every method may be called from any thread.
class ScoreBook {
 public:
  virtual ~ScoreBook() = default;

  // In one atomic step: if the stored position of the commit's partition is its first_offset, in
  // the same incarnation, adds the deltas and stores next_offset; else changes nothing and says
  // where the position is. A partition without a position is at 0 of any incarnation.
  // Errors: kUnavailable, kResourceExhausted: it may or may not have been applied; the same commit
  // can be given again, and the position then tells.
  [[nodiscard]] virtual base::Result<CommitOutcome> commit(const ScoreCommit& commit) = 0;

  // Counts and positions of one moment.
  [[nodiscard]] virtual base::Result<Score> read() const = 0;
};

}  // namespace estadio
