// An entry is one student's attempt in one discipline for one faculty. A verdict is its answer.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/contest.h"

namespace estadio {

enum class Outcome : std::uint8_t { kWinner, kLoser };

[[nodiscard]] constexpr std::string_view to_string(Outcome outcome) {
  return outcome == Outcome::kWinner ? "winner" : "loser";
}

struct Entry {
  static constexpr std::size_t kStudentBytesMax = 200;
  static constexpr int kAgeMax = 150;
  static constexpr std::int16_t kNoAge = -1;

  base::Uuid id;
  std::uint32_t student_at = 0;  // in EntryBatch::text
  std::uint8_t student_size = 0;
  bool has_student = false;
  bool is_id_given = false;  // the client chose the id and may send it again
  FacultyIndex faculty = 0;
  DisciplineIndex discipline = 0;
  std::int16_t age = kNoAge;
};

// Entries that are judged together. `text` holds their students' names end to end.
struct EntryBatch {
  std::vector<Entry> entries;
  std::string text;

  [[nodiscard]] std::string_view student(const Entry& entry) const {
    return std::string_view(text).substr(entry.student_at, entry.student_size);
  }
  void clear() {
    entries.clear();
    text.clear();
  }
};

// The fields of an entry, apart from its id.
enum class EntryField : std::uint8_t { kFaculty, kDiscipline, kStudent, kAge };

[[nodiscard]] constexpr std::string_view to_string(EntryField field) {
  switch (field) {
    case EntryField::kFaculty: return "faculty";
    case EntryField::kDiscipline: return "discipline";
    case EntryField::kStudent: return "student";
    case EntryField::kAge: return "age";
  }
  return {};
}

// The answer to an entry.
struct Verdict {
  // Whether the result is in the log. kOfBatch: the batch's status decides (durability_of_batch()).
  // kNotInTime: it is not, because the id's time is too far from the judge's clock.
  // kConflict: refused, because the log has this id with another content.
  // kOver: refused for good, because the contest is over.
  enum class Durability : std::uint8_t {
    kOfBatch,
    kKept,
    kRefused,
    kUnknown,
    kNotInTime,
    kConflict,
    kOver
  };

  Outcome outcome = Outcome::kLoser;
  bool is_repeated = false;  // the log had the entry before
  Durability durability = Durability::kOfBatch;
  EntryField conflict = EntryField::kFaculty;  // with kConflict: the first field that differs
};

}  // namespace estadio
