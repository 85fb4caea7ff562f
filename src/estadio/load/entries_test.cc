#include "estadio/load/entries.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_world.h"

namespace estadio::load {
namespace {

using testing::HasSubstr;

TEST(EntriesTest, LinesAreKeptAsTheyAre) {
  const auto entries = Entries::from_text(
      "{\"faculty\":\"Ingeniería\",\"discipline\":1}\n\n  {\"any\": [1, 2]}  \r\n{}", "x");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ(entries->order(), Entries::Order::kInTurn);
  EXPECT_EQ(entries->at(0).json, R"({"faculty":"Ingeniería","discipline":1})");
  EXPECT_EQ(entries->at(1).json, R"({"any": [1, 2]})");
  EXPECT_EQ(entries->at(2).json, "{}");
  EXPECT_EQ(entries->longest_bytes(), entries->at(0).json.size());
}

TEST(EntriesTest, IdsAreFound) {
  const auto entries = Entries::from_text(
      "{\"discipline\":1}\n{\"discipline\":1,\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\"}\n"
      "{\"id\":7}\n",
      "x");
  ASSERT_TRUE(entries);
  EXPECT_FALSE(entries->at(0).has_id);
  EXPECT_TRUE(entries->at(1).has_id);
  EXPECT_EQ(entries->at(1).id, "01934f5a-7c00-7abc-8def-0123456789ab");
  EXPECT_TRUE(entries->at(2).has_id);
  EXPECT_EQ(entries->at(2).id, "");
}

TEST(EntriesTest, FacultyAndDisciplineAreReadyForTheAcks) {
  const auto entries = Entries::from_text(
      "{\"discipline\":1,\"faculty\":\"Letras\"}\n{}\n{\"faculty\":\"Letras\",\"discipline\":1}\n",
      "x");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(0).facts, R"(,"faculty":"Letras","discipline":1)");
  EXPECT_EQ(entries->at(1).facts, "");
  EXPECT_EQ(entries->at(2).facts.data(), entries->at(0).facts.data()) << "held once";
}

TEST(EntriesTest, DifferentPairsOfFacultyAndDisciplineAreBounded) {
  std::string text;
  for (std::size_t i = 0; i < Entries::kFactsMax + 2; ++i) {
    text += fmt::format("{{\"discipline\":{}}}\n", i);
  }
  const auto entries = Entries::from_text(text, "x");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(Entries::kFactsMax - 1).facts,
            fmt::format(",\"discipline\":{}", Entries::kFactsMax - 1));
  EXPECT_EQ(entries->at(Entries::kFactsMax).facts, "");
}

TEST(EntriesTest, BadLinesAreNamedByNumber) {
  const auto entries = Entries::from_text("{}\n\n{\"faculty\":\n{}\n[]\n", "file.ndjson");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(entries.error().message(), HasSubstr("file.ndjson: line 3: "));
  EXPECT_THAT(entries.error().message(), HasSubstr("; line 5: expected a JSON object"));
}

TEST(EntriesTest, ManyBadLinesAreCounted) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "bad\n";
  const auto entries = Entries::from_text(text, "file");
  ASSERT_FALSE(entries);
  EXPECT_THAT(entries.error().message(), HasSubstr("line 5: "));
  EXPECT_THAT(entries.error().message(), HasSubstr("; and 95 more"));
  EXPECT_LT(entries.error().message().size(), 1000U);
}

TEST(EntriesTest, AFileWithoutEntriesIsRefused) {
  for (const char* text : {"", "\n", " \r\n\t\n"}) {
    const auto entries = Entries::from_text(text, "file");
    ASSERT_FALSE(entries);
    EXPECT_THAT(entries.error().message(), HasSubstr("file has no entries"));
  }
}

TEST(EntriesTest, AnEntryLargerThanTheBoundIsABadLine) {
  const std::string fits = "{\"a\":\"" + std::string(Entries::kEntryBytesMax - 8, 'x') + "\"}";
  EXPECT_TRUE(Entries::from_text(fits, "file"));
  const auto entries = Entries::from_text("{}\n" + fits + "\n {\"b\":" + fits + "}", "file");
  ASSERT_FALSE(entries);
  EXPECT_THAT(entries.error().message(), HasSubstr("line 3: longer than 1MiB"));
}

TEST(EntriesTest, AFileIsReadToItsEnd) {
  constexpr int kLines = 50'000;  // more than one read
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    text += fmt::format("{{\"discipline\":{},\"student\":\"x\"}}\n", i);
  }
  const test::TempFolder folder;
  test::write_file(folder / "entries", text);
  const auto entries = Entries::from_file(folder / "entries");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), static_cast<std::size_t>(kLines));
  EXPECT_EQ(entries->at(kLines - 1).json, R"({"discipline":49999,"student":"x"})");
}

TEST(EntriesTest, AMissingFileIsNamed) {
  for (const char* path : {"/nowhere/entries.ndjson", "/"}) {
    const auto entries = Entries::from_file(path);
    ASSERT_FALSE(entries);
    EXPECT_EQ(entries.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(entries.error().message(), HasSubstr(path));
  }
}

TEST(EntriesTest, AContestGivesEachFacultyAndDisciplineOnce) {
  const auto entries = Entries::of_contest({"Ingeniería", "Quote\"s"}, {1, 7});
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries.order(), Entries::Order::kAtRandom);
  EXPECT_EQ(entries.at(0).json, R"({"faculty":"Ingeniería","discipline":1})");
  EXPECT_EQ(entries.at(1).json, R"({"faculty":"Ingeniería","discipline":7})");
  EXPECT_EQ(entries.at(3).json, R"({"faculty":"Quote\"s","discipline":7})");
}

}  // namespace
}  // namespace estadio::load
