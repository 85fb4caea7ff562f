#include "estadio/contest/entry_content.h"

#include <gtest/gtest.h>

#include "estadio/contest/record.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

EntryContent content(FacultyIndex faculty, DisciplineIndex discipline, std::string_view student,
                     std::int16_t age) {
  const Entry entry{.id = {},
                    .has_student = !student.empty(),
                    .faculty = faculty,
                    .discipline = discipline,
                    .age = age};
  return EntryContent::of(entry, student);
}

TEST(EntryContentTest, TheFirstDifferenceIsNamed) {
  const EntryContent first = content(0, 1, "Ana", 20);
  EXPECT_EQ(first_difference(first, content(0, 1, "Ana", 20)), std::nullopt);
  EXPECT_EQ(first_difference(first, content(1, 2, "Eva", 21)), EntryField::kFaculty);
  EXPECT_EQ(first_difference(first, content(0, 2, "Eva", 21)), EntryField::kDiscipline);
  EXPECT_EQ(first_difference(first, content(0, 1, "Eva", 21)), EntryField::kStudent);
  EXPECT_EQ(first_difference(first, content(0, 1, "", 20)), EntryField::kStudent);
  EXPECT_EQ(first_difference(first, content(0, 1, "Ana", Entry::kNoAge)), EntryField::kAge);
}

TEST(EntryContentTest, AnEmptyNameIsNotTheSameAsNoName) {
  const Entry entry{.id = {}, .has_student = true};
  EXPECT_EQ(first_difference(EntryContent::of(entry, ""), content(0, 0, "", Entry::kNoAge)),
            EntryField::kStudent);
}

TEST(EntryContentTest, ARecordHasTheContentOfItsEntry) {
  const Contest contest = Contest::defaults();
  const RecordFormat format(contest);
  for (const std::string_view student : {"", "Ana", "José \"Pepe\" \\ \n\t\x01", "😀"}) {
    for (const std::int16_t age : {Entry::kNoAge, std::int16_t{0}, std::int16_t{150}}) {
      for (const bool has_student : {true, false}) {
        const Entry entry{.id = test::numbered_id(7),
                          .has_student = has_student,
                          .is_id_given = true,
                          .faculty = 1,
                          .discipline = 2,
                          .age = age};
        std::string line;
        format.append(line, entry, student, Outcome::kWinner);
        line.pop_back();
        EXPECT_EQ(format.parse_content(line), EntryContent::of(entry, student)) << line;
      }
    }
  }
  EXPECT_EQ(format.parse_content("{}"), std::nullopt);
}

}  // namespace
}  // namespace estadio
