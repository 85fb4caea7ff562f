#include "estadio/contest/entry_content.h"

#include <string>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/json.h"

namespace estadio {

EntryContent EntryContent::of(const Entry& entry, std::string_view student) {
  EntryContent content{
      .faculty = entry.faculty, .discipline = entry.discipline, .age = entry.age, .student = 0};
  if (entry.has_student) {
    std::string text;
    base::append_json_string(text, student);
    content.student = digest_of_student(text);
  }
  return content;
}

std::uint32_t digest_of_student(std::string_view text) {
  return static_cast<std::uint32_t>(XXH3_64bits(text.data(), text.size())) | 1U;  // never 0
}

std::optional<EntryField> first_difference(const EntryContent& one, const EntryContent& other) {
  if (one.faculty != other.faculty) return EntryField::kFaculty;
  if (one.discipline != other.discipline) return EntryField::kDiscipline;
  if (one.student != other.student) return EntryField::kStudent;
  if (one.age != other.age) return EntryField::kAge;
  return std::nullopt;
}

}  // namespace estadio
