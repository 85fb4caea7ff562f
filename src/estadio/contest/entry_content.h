// What an entry says apart from its id. A client that sends an entry again sends the same content.
// The same id with another content is a client's mistake.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"

namespace estadio {

struct EntryContent {
  FacultyIndex faculty = 0;
  DisciplineIndex discipline = 0;
  std::int16_t age = Entry::kNoAge;
  // A digest of the student's name, written as a JSON string. 0 without a student.
  std::uint32_t student = 0;

  [[nodiscard]] static EntryContent of(const Entry& entry, std::string_view student);

  friend bool operator==(const EntryContent&, const EntryContent&) = default;
};

// Returns the digest of a student's name. `text` is the name as a JSON string with its quotes, in
// the form of base::append_json_string().
[[nodiscard]] std::uint32_t digest_of_student(std::string_view text);

// Returns the first field in which two contents differ; nothing when they are the same.
[[nodiscard]] std::optional<EntryField> first_difference(const EntryContent& one,
                                                         const EntryContent& other);

}  // namespace estadio
