// The port to the score: counts, and a position for each partition of the log. Records before the
// position are counted. A commit changes counts and position together or not at all.
//
// The implementations are in score/ and pass score_book_contract.h.
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

// The deltas of the records in [first_offset, next_offset).
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
  std::vector<Delta> deltas;  // at most one per faculty and discipline; the topic is the outcome
  // Records that are not counted: repeats, and those whose ids are not in time.
  std::int64_t repeated = 0;
  std::int64_t not_in_time = 0;
};

// The result of a commit. `position` is the stored position. After an applied commit it equals
// next_offset.
struct CommitOutcome {
  bool is_applied = false;
  std::int64_t position = 0;
};

struct Score {
  // The names are the stored ones. A faculty that the contest no longer has keeps its counts.
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
  // Records that are not counted, as in ScoreCommit.
  std::int64_t repeated = 0;
  std::int64_t not_in_time = 0;

  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const Count& each : counts) sum += each.count;
    return sum;
  }
  // Returns how many records the positions must cover, when the score adds up.
  [[nodiscard]] std::int64_t records() const { return total() + repeated + not_in_time; }
  // Returns null when the partition has no position yet.
  [[nodiscard]] const Position* find(PartitionId partition) const {
    const auto found = std::ranges::find(positions, partition, &Position::partition);
    return found == positions.end() ? nullptr : &*found;
  }
  // Returns the offset of the partition's next record to count.
  [[nodiscard]] std::int64_t position(PartitionId partition) const {
    const Position* found = find(partition);
    return found == nullptr ? 0 : found->next_offset;
  }
};

// Threads: every method may be called from any thread.
class ScoreBook {
 public:
  virtual ~ScoreBook() = default;

  // Adds the deltas and stores next_offset, in one atomic step. It does so only if the partition's
  // stored position equals first_offset and has the same incarnation. Else it changes nothing and
  // returns the stored position. A partition without a stored position counts as position 0. Any
  // incarnation matches it.
  // Errors: kUnavailable or kResourceExhausted when the store cannot take the commit now.
  // kCorruption when the stored score is damaged, or has a key or value that no score book wrote.
  // Then restore the score or delete it. After a deletion the tally counts the whole log again. An
  // implementation may have further errors. After an error the commit may have been applied. The
  // caller may give the same commit again: it is never applied twice.
  [[nodiscard]] virtual base::Result<CommitOutcome> commit(const ScoreCommit& commit) = 0;

  // Returns counts and positions of one moment.
  // Errors: kUnavailable when the store cannot be read now; kCorruption as for commit().
  [[nodiscard]] virtual base::Result<Score> read() const = 0;
};

}  // namespace estadio
