#include "estadio/scoreboard/score_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace estadio {
namespace {

constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};

ContestFacts facts_of(int partitions) {
  ContestFacts facts{.started_at_ms = 12'345,
                     .coin_commitment = std::string(64, 'a'),
                     .retry_window_ms = 0,
                     .coin_seed = std::nullopt,
                     .ends = {}};
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    for (int number = 0; number < partitions; ++number) {
      facts.ends.push_back({.partition = {.topic = topic, .number = number}, .offset = 0});
    }
  }
  return facts;
}

TEST(ScoreJsonTest, AnEmptyScoreHasEveryFacultyAndDisciplineAtZero) {
  const Contest contest = Contest::defaults();
  EXPECT_EQ(
      score_json(Score(), contest, facts_of(2)),
      R"({"total":0,"by_faculty":{"Ingeniería":0,"Agronomía":0},)"
      R"("by_discipline":{"Natación":0,"Atletismo":0,"Boxeo":0},)"
      R"("by_outcome":{"winner":0,"loser":0},"breakdown":[],"repeated":0,"not_in_time":0,"after_end":0,"positions":[)"
      R"({"topic":"winners","partition":0,"next_offset":0,"end_offset":0},)"
      R"({"topic":"winners","partition":1,"next_offset":0,"end_offset":0},)"
      R"({"topic":"losers","partition":0,"next_offset":0,"end_offset":0},)"
      R"({"topic":"losers","partition":1,"next_offset":0,"end_offset":0}]})");
}

TEST(ScoreJsonTest, CountsAddUpByFacultyDisciplineAndOutcome) {
  const Contest contest = Contest::defaults();
  ContestFacts facts = facts_of(2);
  facts.ends[3].offset = 9;
  Score score;
  score.counts = {
      {.faculty = "Ingeniería", .discipline_id = 1, .outcome = Outcome::kWinner, .count = 2},
      {.faculty = "Ingeniería", .discipline_id = 3, .outcome = Outcome::kLoser, .count = 3},
      {.faculty = "Agronomía", .discipline_id = 1, .outcome = Outcome::kLoser, .count = 5}};
  score.not_counted.repeated = 4;
  score.positions = {
      {.partition = kLosers1, .state = {.incarnation = {}, .next_offset = 8, .chain = {}}}};
  const auto json = boost::json::parse(score_json(score, contest, facts));
  EXPECT_EQ(json.at("total").as_int64(), 10);
  EXPECT_EQ(json.at("repeated").as_int64(), 4);
  EXPECT_EQ(json.at("by_faculty").at("Ingeniería").as_int64(), 5);
  EXPECT_EQ(json.at("by_faculty").at("Agronomía").as_int64(), 5);
  EXPECT_EQ(json.at("by_discipline").at("Natación").as_int64(), 7);
  EXPECT_EQ(json.at("by_discipline").at("Atletismo").as_int64(), 0);
  EXPECT_EQ(json.at("by_discipline").at("Boxeo").as_int64(), 3);
  EXPECT_EQ(json.at("by_outcome").at("winner").as_int64(), 2);
  EXPECT_EQ(json.at("by_outcome").at("loser").as_int64(), 8);
  ASSERT_EQ(json.at("breakdown").as_array().size(), 3U);
  EXPECT_EQ(boost::json::serialize(json.at("breakdown").at(1)),
            R"({"faculty":"Ingeniería","discipline":"Boxeo","outcome":"loser","count":3})");
  EXPECT_EQ(json.at("positions").at(3).at("next_offset").as_int64(), 8);
  EXPECT_EQ(json.at("positions").at(3).at("end_offset").as_int64(), 9);
}

TEST(ScoreJsonTest, CountsOfARemovedFacultyKeepItsStoredName) {
  const Contest contest = Contest::defaults();
  Score score;
  score.counts = {
      {.faculty = "Quí\"mica", .discipline_id = 77, .outcome = Outcome::kWinner, .count = 2}};
  const auto json = boost::json::parse(score_json(score, contest, facts_of(1)));
  EXPECT_EQ(json.at("by_faculty").at("Quí\"mica").as_int64(), 2);
  EXPECT_EQ(json.at("by_discipline").at("77").as_int64(), 2);
  EXPECT_EQ(json.at("breakdown").at(0).at("discipline").as_string(), "77");
}

TEST(ContestJsonTest, HoldsTheContestAndItsFacts) {
  ContestFacts facts = facts_of(1);
  EXPECT_EQ(contest_json(Contest::defaults(), facts),
            R"({"name":"Olimpiadas","faculties":["Ingeniería","Agronomía"],"disciplines":[)"
            R"({"id":1,"name":"Natación"},{"id":2,"name":"Atletismo"},{"id":3,"name":"Boxeo"}],)"
            R"("seed_commitment":")" +
                std::string(64, 'a') + R"(","started_at_ms":12345,"retry_window_seconds":0})");
  facts.coin_seed = std::string(32, 'b');
  facts.retry_window_ms = 1500;
  const auto over = Contest::from_toml("closes_at = 2026-12-01T18:00:00Z", "test");
  const auto json = boost::json::parse(contest_json(*over, facts));
  EXPECT_EQ(json.at("seed").as_string(), *facts.coin_seed);
  EXPECT_EQ(json.at("closes_at_ms").as_int64(), *over->closes_at_ms());
  EXPECT_EQ(json.at("retry_window_seconds").to_number<double>(), 1.5);
}

TEST(ContestFactsTest, TheLagIsTheRecordsNotYetCountedAndNeverNegative) {
  ContestFacts facts = facts_of(2);
  facts.ends[0].offset = 5;
  facts.ends[3].offset = 9;
  Score score;
  score.positions = {
      {.partition = facts.ends[0].partition,
       .state = {.incarnation = {}, .next_offset = 7, .chain = {}}},
      {.partition = kLosers1, .state = {.incarnation = {}, .next_offset = 6, .chain = {}}}};
  EXPECT_EQ(lag_of(score, facts), 3);
}

}  // namespace
}  // namespace estadio
