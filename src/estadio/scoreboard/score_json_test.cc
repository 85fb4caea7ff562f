#include "estadio/scoreboard/score_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "estadio/contest/test_log.h"

namespace estadio {
namespace {

constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};

TEST(ScoreJsonTest, AnEmptyScoreNamesEveryFacultyAndDisciplineWithNought) {
  const Contest contest = Contest::defaults();
  const test::MemoryLog log(2);
  const auto json = score_json(Score(), contest, log);
  ASSERT_TRUE(json);
  EXPECT_EQ(*json, R"({"total":0,"by_faculty":{"Ingeniería":0,"Agronomía":0},)"
                   R"("by_discipline":{"Natación":0,"Atletismo":0,"Boxeo":0},)"
                   R"("by_outcome":{"winner":0,"loser":0},"crossed":[],"repeated":0,"positions":[)"
                   R"({"topic":"winners","partition":0,"next_offset":0,"end_offset":0},)"
                   R"({"topic":"winners","partition":1,"next_offset":0,"end_offset":0},)"
                   R"({"topic":"losers","partition":0,"next_offset":0,"end_offset":0},)"
                   R"({"topic":"losers","partition":1,"next_offset":0,"end_offset":0}]})");
}

TEST(ScoreJsonTest, CountsAddUpByFacultyDisciplineAndOutcome) {
  const Contest contest = Contest::defaults();
  test::MemoryLog log(2);
  for (int i = 0; i < 9; ++i) log.add(kLosers1, "x");
  Score score;
  score.counts = {
      {.faculty = "Ingeniería", .discipline_id = 1, .outcome = Outcome::kWinner, .count = 2},
      {.faculty = "Ingeniería", .discipline_id = 3, .outcome = Outcome::kLoser, .count = 3},
      {.faculty = "Agronomía", .discipline_id = 1, .outcome = Outcome::kLoser, .count = 5}};
  score.repeated = 4;
  score.positions = {{.partition = kLosers1, .incarnation = {}, .next_offset = 8}};
  const auto text = score_json(score, contest, log);
  ASSERT_TRUE(text);
  const auto json = boost::json::parse(*text);
  EXPECT_EQ(json.at("total").as_int64(), 10);
  EXPECT_EQ(json.at("repeated").as_int64(), 4);
  EXPECT_EQ(json.at("by_faculty").at("Ingeniería").as_int64(), 5);
  EXPECT_EQ(json.at("by_faculty").at("Agronomía").as_int64(), 5);
  EXPECT_EQ(json.at("by_discipline").at("Natación").as_int64(), 7);
  EXPECT_EQ(json.at("by_discipline").at("Atletismo").as_int64(), 0);
  EXPECT_EQ(json.at("by_discipline").at("Boxeo").as_int64(), 3);
  EXPECT_EQ(json.at("by_outcome").at("winner").as_int64(), 2);
  EXPECT_EQ(json.at("by_outcome").at("loser").as_int64(), 8);
  ASSERT_EQ(json.at("crossed").as_array().size(), 3U);
  EXPECT_EQ(boost::json::serialize(json.at("crossed").at(1)),
            R"({"faculty":"Ingeniería","discipline":"Boxeo","outcome":"loser","count":3})");
  EXPECT_EQ(json.at("positions").at(3).at("next_offset").as_int64(), 8);
  EXPECT_EQ(json.at("positions").at(3).at("end_offset").as_int64(), 9);
}

TEST(ScoreJsonTest, WhatTheContestNoLongerHasIsThereByItsStoredName) {
  const Contest contest = Contest::defaults();
  const test::MemoryLog log(1);
  Score score;
  score.counts = {
      {.faculty = "Quí\"mica", .discipline_id = 77, .outcome = Outcome::kWinner, .count = 2}};
  const auto json = boost::json::parse(*score_json(score, contest, log));
  EXPECT_EQ(json.at("by_faculty").at("Quí\"mica").as_int64(), 2);
  EXPECT_EQ(json.at("by_discipline").at("77").as_int64(), 2);
  EXPECT_EQ(json.at("crossed").at(0).at("discipline").as_string(), "77");
}

}  // namespace
}  // namespace estadio
