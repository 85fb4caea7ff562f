// The port to the score: counts, and a state for each partition of the log. Records before the
// state's position are counted. The state's chain shows which records these were. A commit changes
// counts and state together or not at all.
//
// The implementations are in score/ and pass score_book_contract.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record_chain.h"

namespace estadio {

// The stored state of a partition.
struct PartitionState {
  base::Uuid incarnation;        // of the partition
  std::int64_t next_offset = 0;  // the records before it are counted
  RecordChain chain;             // of the counted records
  // The offset of the first end mark, once it is counted. Further records never count.
  std::optional<std::int64_t> end_mark = std::nullopt;

  friend bool operator==(const PartitionState&, const PartitionState&) = default;
};

// Records that are not counted: repeats, those whose ids are not in time, and the first end mark
// with all records behind it.
struct NotCounted {
  std::int64_t repeated = 0;
  std::int64_t not_in_time = 0;
  std::int64_t after_end = 0;

  friend bool operator==(const NotCounted&, const NotCounted&) = default;

  [[nodiscard]] std::int64_t sum() const;
  NotCounted& operator+=(const NotCounted& other);
};

// The members of NotCounted, by the names under which score books store them.
struct NotCountedField {
  std::string_view name;
  std::int64_t NotCounted::* member;
};
inline constexpr std::array kNotCountedFields = {
    NotCountedField{.name = "repeated", .member = &NotCounted::repeated},
    NotCountedField{.name = "not_in_time", .member = &NotCounted::not_in_time},
    NotCountedField{.name = "after_end", .member = &NotCounted::after_end}};

inline std::int64_t NotCounted::sum() const {
  std::int64_t sum = 0;
  for (const NotCountedField& field : kNotCountedFields) sum += this->*field.member;
  return sum;
}
inline NotCounted& NotCounted::operator+=(const NotCounted& other) {
  for (const NotCountedField& field : kNotCountedFields) {
    this->*field.member += other.*field.member;
  }
  return *this;
}

// The deltas of the records in [before.next_offset, after.next_offset).
struct ScoreCommit {
  struct Delta {
    FacultyIndex faculty = 0;
    DisciplineIndex discipline = 0;
    std::int64_t count = 0;
  };

  PartitionId partition;
  PartitionState before;
  PartitionState after;
  std::vector<Delta> deltas;  // at most one per faculty and discipline; the topic is the outcome
  NotCounted not_counted;
};

// The result of a commit. `position` is the stored next_offset. After an applied commit it equals
// after.next_offset.
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

    friend bool operator==(const Count&, const Count&) = default;
  };
  struct Position {
    PartitionId partition;
    PartitionState state;
  };

  std::vector<Count> counts;
  std::vector<Position> positions;
  NotCounted not_counted;

  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const Count& each : counts) sum += each.count;
    return sum;
  }
  // Returns how many records the positions must cover, when the score adds up.
  [[nodiscard]] std::int64_t records() const { return total() + not_counted.sum(); }
  // Returns null when the partition has no position yet.
  [[nodiscard]] const PartitionState* find(PartitionId partition) const {
    const auto found = std::ranges::find(positions, partition, &Position::partition);
    return found == positions.end() ? nullptr : &found->state;
  }
  // Returns the offset of the partition's next record to count.
  [[nodiscard]] std::int64_t position(PartitionId partition) const {
    const PartitionState* found = find(partition);
    return found == nullptr ? 0 : found->next_offset;
  }
};

// Threads: every method may be called from any thread.
class ScoreBook {
 public:
  virtual ~ScoreBook() = default;

  // Adds the deltas and stores `after`, in one atomic step. It does so only if the partition's
  // stored state equals `before`. Else it changes nothing and returns the stored position. A
  // partition without a stored state has the position 0, and any `before` with this position
  // matches it.
  // Errors: kUnavailable or kResourceExhausted when the store cannot take the commit now.
  // kCorruption when the stored score is damaged, or has a key or value that no score book wrote.
  // Then run `estadio repair --apply`, restore the score or delete it. After a deletion the tally
  // counts the whole log again. An implementation may have further errors. After an error the
  // commit may have been applied. The caller may give the same commit again: it is never applied
  // twice.
  [[nodiscard]] virtual base::Result<CommitOutcome> commit(const ScoreCommit& commit) = 0;

  // Returns counts and positions of one moment.
  // Errors: kUnavailable when the store cannot be read now; kCorruption as for commit().
  [[nodiscard]] virtual base::Result<Score> read() const = 0;
};

}  // namespace estadio
