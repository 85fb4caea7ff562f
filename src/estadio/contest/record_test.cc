#include "estadio/contest/record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

constexpr std::string_view kIdText = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

class RecordTest : public testing::Test {
 protected:
  [[nodiscard]] std::string line_of(const Entry& entry, std::string_view student,
                                    Outcome outcome) const {
    std::string line;
    format_.append(line, entry, student, outcome);
    return line;
  }
  [[nodiscard]] static Entry entry_of(std::string_view student) {
    return {.id = *base::Uuid::parse(kIdText),
            .student_size = static_cast<std::uint8_t>(student.size()),
            .has_student = true};
  }

  const Contest contest_ = *Contest::from_toml(R"(
    [[faculty]]
    name = 'Quote " and back\slash'
    [[faculty]]
    name = "Ingeniería"
    [[discipline]]
    id = 0
    name = "Nada"
    [[discipline]]
    id = 11
    name = "Boxeo"
    [[discipline]]
    id = 1
    name = "Natación"
  )",
                                               "test");
  const RecordFormat format_{contest_};
};

TEST_F(RecordTest, HasTheDocumentedForm) {
  const RecordFormat format(Contest::defaults());
  Entry entry{.id = *base::Uuid::parse(kIdText), .faculty = 0, .discipline = 0};
  std::string line = "before ";
  format.append(line, entry, {}, Outcome::kWinner);
  EXPECT_EQ(line, fmt::format("before {{\"id\":\"{}\",\"faculty\":\"Ingeniería\",\"discipline\":1,"
                              "\"outcome\":\"winner\"}}\n",
                              kIdText));
  entry.is_id_given = true;
  entry.age = 20;
  entry.has_student = true;
  entry.student_size = 3;
  line.clear();
  format.append(line, entry, "Ana", Outcome::kLoser);
  EXPECT_EQ(line,
            fmt::format("{{\"id\":\"{}\",\"faculty\":\"Ingeniería\",\"discipline\":1,"
                        "\"outcome\":\"loser\",\"given\":true,\"age\":20,\"student\":\"Ana\"}}\n",
                        kIdText));
}

TEST_F(RecordTest, IsReadBackWithAnyFields) {
  for (std::size_t faculty = 0; faculty < contest_.faculties().size(); ++faculty) {
    for (std::size_t discipline = 0; discipline < contest_.disciplines().size(); ++discipline) {
      for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
        for (unsigned fields = 0; fields < 8; ++fields) {
          Entry entry{.id = test::numbered_id(faculty * 1000 + fields)};
          entry.faculty = static_cast<FacultyIndex>(faculty);
          entry.discipline = static_cast<DisciplineIndex>(discipline);
          entry.is_id_given = (fields & 1) != 0;
          if ((fields & 2) != 0) entry.age = 150;
          entry.has_student = (fields & 4) != 0;
          std::string line = line_of(entry, "Zoë", outcome);
          ASSERT_TRUE(line.ends_with('\n'));
          line.pop_back();
          const auto record = format_.parse(line);
          ASSERT_TRUE(record) << line;
          EXPECT_EQ(record->id, entry.id);
          EXPECT_EQ(record->faculty, entry.faculty);
          EXPECT_EQ(record->discipline, entry.discipline);
          EXPECT_EQ(record->outcome, outcome);
          EXPECT_EQ(record->is_id_given, entry.is_id_given);
          EXPECT_EQ(RecordFormat::id_text(line), entry.id.to_string());

          const auto json = boost::json::parse(line).as_object();
          EXPECT_EQ(json.at("id").as_string(), entry.id.to_string());
          EXPECT_EQ(json.at("faculty").as_string(), contest_.faculties()[faculty].name);
          EXPECT_EQ(json.at("discipline").as_int64(), contest_.disciplines()[discipline].id);
          EXPECT_EQ(json.at("outcome").as_string(), to_string(outcome));
          EXPECT_EQ(json.contains("given"), entry.is_id_given);
          EXPECT_EQ(json.contains("age"), (fields & 2) != 0);
          EXPECT_EQ(json.contains("student"), entry.has_student);
        }
      }
    }
  }
}

TEST_F(RecordTest, AHostileNameStaysAName) {
  std::string controls;
  for (char c = 1; c < 0x20; ++c) controls += c;
  for (const std::string& name :
       {std::string(), std::string("\"},{\"id\":\""), std::string("\",\"given\":true,\"x\":\""),
        std::string(R"(\",\\"given":true)"), std::string("a\nb\r\n"), controls, std::string("\x7f"),
        std::string("\u2028\u2029\uFEFF"), std::string("😀\u0301"), std::string(200, '"'),
        std::string(200, '\\'), std::string(200, '\x01'), std::string("}")}) {
    for (const bool is_given : {false, true}) {
      Entry entry = entry_of(name);
      entry.is_id_given = is_given;
      std::string line = line_of(entry, name, Outcome::kWinner);
      ASSERT_EQ(line.find('\n'), line.size() - 1) << "one record, one line";
      line.pop_back();
      const auto record = format_.parse(line);
      ASSERT_TRUE(record) << line;
      EXPECT_EQ(record->is_id_given, is_given) << line;
      EXPECT_EQ(boost::json::parse(line).at("student").as_string(), name);
    }
  }
}

TEST_F(RecordTest, ALineThatIsCutOrChangedIsNoRecord) {
  std::string line = line_of(entry_of("Ana"), "Ana", Outcome::kWinner);
  line.pop_back();
  for (std::size_t size = 0; size < line.size(); ++size) {
    EXPECT_FALSE(format_.parse(line.substr(0, size))) << size;
  }
  const std::string middle = fmt::format("{{\"id\":\"{}\",\"faculty\":", kIdText);
  for (const std::string& other :
       {std::string(), std::string("{}"), std::string("nonsense"), " " + line, line + " ",
        middle + R"("Cocina","discipline":1,"outcome":"winner"})",
        middle + R"("Ingeniería","discipline":2,"outcome":"winner"})",
        middle + R"("Ingeniería","discipline":111,"outcome":"winner"})",
        middle + R"("Ingeniería","discipline":1,"outcome":"draw"})",
        middle + R"("ingenieria","discipline":1,"outcome":"winner"})",
        middle + R"("Ingeniería", "discipline":1,"outcome":"winner"})",
        middle + R"("Ingeniería","outcome":"winner","discipline":1})",
        middle + R"("Ingeniería","discipline":1.0,"outcome":"winner"})",
        std::string(R"({"id":"3f2504e0-4f89-41d3-9a0c-0305e82c330","faculty":"Ingeniería",)"
                    R"("discipline":1,"outcome":"winner"})"),
        std::string(R"({"faculty":"Ingeniería","discipline":1,"outcome":"winner"})")}) {
    EXPECT_FALSE(format_.parse(other)) << other;
  }
}

TEST_F(RecordTest, OnlyTheCanonicalFormIsARecord) {
  const std::string start = fmt::format(
      "{{\"id\":\"{}\",\"faculty\":\"Ingeniería\",\"discipline\":1,\"outcome\":\"winner\"",
      kIdText);
  ASSERT_TRUE(format_.parse(start + "}"));
  for (const char* rest :
       {"x}", "garbage}", ",}", "}}", R"(,"given":false})", R"(,"given":true,"given":true})",
        R"(, "given":true})", R"(,"age":})", R"(,"age":20x})", R"(,"student":"Ana})",
        R"(,"student":"Ana","given":true})", R"(,"student":"A","age":20})", R"(,"other":1})"}) {
    EXPECT_FALSE(format_.parse(start + rest)) << start << rest;
  }
}

}  // namespace
}  // namespace estadio
