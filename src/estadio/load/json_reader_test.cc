#include "estadio/load/json_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace estadio::load {
namespace {

constexpr std::string_view kId = "01934f5a-7c00-7abc-8def-0123456789ab";

base::Result<EntryFacts> entry_of(JsonReader& reader, std::string& line) {
  const std::size_t size = line.size();
  line.resize(size + JsonReader::kPadding, 'x');
  return reader.read_entry(std::string_view(line).substr(0, size));
}

TEST(JsonReaderTest, FindsTheIdOfAnEntryInAnyPlace) {
  JsonReader reader;
  for (std::string line :
       {R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","discipline":1})",
        R"( { "a": [1,{"id":2}], "id" : "01934f5a-7c00-7abc-8def-0123456789ab" })"}) {
    const auto facts = entry_of(reader, line);
    ASSERT_TRUE(facts);
    EXPECT_TRUE(facts->has_id);
    EXPECT_EQ(facts->id, kId);
    EXPECT_GE(facts->id.data(), line.data());
    EXPECT_LT(facts->id.data(), line.data() + line.size());
  }
}

TEST(JsonReaderTest, AnIdThatIsNoUuidIsStillAnId) {
  JsonReader reader;
  for (std::string line : {R"({"id":7})", R"({"id":null})", R"({"id":"short"})",
                           R"({"id":"01934f5a\u002d7c00-7abc-8def-0123456789ab"})"}) {
    const auto facts = entry_of(reader, line);
    ASSERT_TRUE(facts) << line;
    EXPECT_TRUE(facts->has_id);
    EXPECT_EQ(facts->id, "");
  }
}

TEST(JsonReaderTest, AnEntryNeedsNoId) {
  JsonReader reader;
  for (std::string line : {R"({})", R"({"faculty":"Ingeniería","discipline":1})",
                           R"({"inner":{"id":"01934f5a-7c00-7abc-8def-0123456789ab"}})"}) {
    const auto facts = entry_of(reader, line);
    ASSERT_TRUE(facts) << line;
    EXPECT_FALSE(facts->has_id);
  }
}

TEST(JsonReaderTest, OnlyOneWholeObjectIsAnEntry) {
  JsonReader reader;
  for (std::string line : {"", "1", "[]", "\"x\"", "{", R"({"faculty":)", R"({"a":1}x)",
                           R"({"a":1}{"b":2})", "{\"a\":\"\xFF\"}", "nonsense"}) {
    const auto facts = entry_of(reader, line);
    ASSERT_FALSE(facts) << line;
    EXPECT_EQ(facts.error().code(), base::Code::kInvalidArgument);
  }
}

TEST(JsonReaderTest, ReadsTheAnswerToOneEntryInAnyForm) {
  JsonReader reader;
  for (const std::string_view body :
       {R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner"})",
        "{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\",\"outcome\":\"winner\"}\n",
        R"({"outcome":"winner","id":"01934f5a-7c00-7abc-8def-0123456789ab"})",
        R"({ "id" : "01934f5a-7c00-7abc-8def-0123456789ab", "outcome": "winner", "x":[{}] } )",
        R"({"id":"\u00301934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner"})"}) {
    const auto answer = reader.read_answer(body);
    ASSERT_EQ(answer.kind, Answer::Kind::kOne) << body;
    EXPECT_EQ(answer.id, kId);
    EXPECT_EQ(answer.uuid, base::Uuid::parse(kId));
    EXPECT_EQ(answer.outcome, "winner");
    EXPECT_EQ(answer.repeated, 0U);
  }
}

TEST(JsonReaderTest, ARepeatedEntryIsReadAsRepeated) {
  JsonReader reader;
  for (const std::string_view body :
       {R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"loser","repeated":true})",
        R"({"repeated":true,"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"loser"})"}) {
    const auto answer = reader.read_answer(body);
    ASSERT_EQ(answer.kind, Answer::Kind::kOne) << body;
    EXPECT_EQ(answer.outcome, "loser");
    EXPECT_EQ(answer.repeated, 1U);
  }
  const auto first = reader.read_answer(
      R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"loser","repeated":false})");
  ASSERT_EQ(first.kind, Answer::Kind::kOne);
  EXPECT_EQ(first.repeated, 0U);
}

TEST(JsonReaderTest, ReadsTheCountsOfABatch) {
  JsonReader reader;
  const auto answer =
      reader.read_answer(R"({"accepted":1000,"winners":503,"losers":497,"repeated":12})");
  ASSERT_EQ(answer.kind, Answer::Kind::kSeveral);
  EXPECT_EQ(answer.accepted, 1000U);
  EXPECT_TRUE(answer.has_outcomes);
  EXPECT_EQ(answer.winners, 503U);
  EXPECT_EQ(answer.losers, 497U);
  EXPECT_EQ(answer.repeated, 12U);
  EXPECT_FALSE(reader.read_answer(R"({"accepted":1000})").has_outcomes);
}

TEST(JsonReaderTest, OtherTextIsNoAnswer) {
  JsonReader reader;
  for (const std::string_view body :
       {"", " ", "ok", "{}", "[]", "7", R"({"status":"ok","repeated":true})",
        R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner")",
        R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner"}x)",
        R"({"id":"01934f5a-7c00-7abc-8def-0123456789a\","outcome":"winner"})"}) {
    EXPECT_EQ(reader.read_answer(body).kind, Answer::Kind::kForeign) << body;
  }
}

TEST(JsonReaderTest, AnAnswerWithWrongMembersIsMalformed) {
  JsonReader reader;
  for (const std::string_view body :
       {R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab"})", R"({"outcome":"winner"})",
        R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"draw"})",
        R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner","repeated":[]})",
        R"({"id":"not a uuid, though as long as one is","outcome":"winner"})",
        R"({"id":7,"outcome":"winner"})", R"({"accepted":"many"})", R"({"accepted":-1})",
        R"({"accepted":1,"repeated":-1})", R"({"accepted":1,"winners":1.5})",
        R"({"accepted":1,"losers":"1"})"}) {
    EXPECT_EQ(reader.read_answer(body).kind, Answer::Kind::kMalformed) << body;
  }
}

TEST(JsonReaderTest, FacultyAndDisciplineAreFactsOfAnEntry) {
  JsonReader reader;
  const auto facts_of = [&](std::string line) { return entry_of(reader, line)->facts; };
  EXPECT_EQ(facts_of(R"({"discipline":3,"faculty":"Ingenier\u00eda \"x\""})"),
            R"(,"faculty":"Ingeniería \"x\"","discipline":3)");
  EXPECT_EQ(facts_of(R"({"faculty":7,"discipline":"1"})"), "");
  EXPECT_EQ(facts_of(R"({"discipline":1.5})"), "");
  EXPECT_EQ(facts_of(R"({"discipline":-1})"), R"(,"discipline":-1)");
}

TEST(JsonReaderTest, AProblemGivesItsFirstErrorOrItsDetail) {
  JsonReader reader;
  EXPECT_EQ(
      reader.read_problem(
          R"({"detail":"not valid","errors":[{"field":"id","detail":"too old"},{"field":"x"}]})"),
      "id: too old");
  EXPECT_EQ(
      reader.read_problem(R"({"detail":"not valid","errors":[{"field":"","detail":"no entry"}]})"),
      "no entry");
  EXPECT_EQ(reader.read_problem(R"({"detail":"the contest is over"})"), "the contest is over");
  for (const char* detail :
       {R"("errors":[])", R"("errors":[7])", R"("errors":"id")", R"("errors":[{"detail":7}])"}) {
    EXPECT_EQ(reader.read_problem(fmt::format(R"({{"detail":"why",{}}})", detail)), "why")
        << detail;
  }
  for (const char* other : {"", "{}", "[]", "not JSON", R"({"detail":7})", R"({"detail")"}) {
    EXPECT_EQ(reader.read_problem(other), "") << other;
  }
}

}  // namespace
}  // namespace estadio::load
