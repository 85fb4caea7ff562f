#include "estadio/verify/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr CoinSeed kSeed = {7, 7, 7};
constexpr int kPartitions = 2;

// A correct run of a contest. A test can then damage it.
class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t number = 0; number < 200; ++number) log_entry(number, number % 5 == 0);
    for (std::uint64_t number = 0; number < 50; number += 10) {
      log_entry(number, true, /*counts=*/false);  // sent again
    }
    for (std::uint64_t number = 0; number < 200; ++number) acknowledge(number);
  }

  [[nodiscard]] Coin::Toss toss(std::uint64_t number) const {
    return coin_.toss(test::numbered_id(number));
  }
  [[nodiscard]] PartitionId place_of(std::uint64_t number) const {
    return {.topic = toss(number).outcome, .number = toss(number).partition(kPartitions)};
  }
  void log_entry(std::uint64_t number, bool is_given, bool counts = true) {
    log_to(place_of(number), number, is_given);
    if (counts)
      count(number, 1);
    else
      ++score_.not_counted.repeated;
  }
  // Puts a record into the log, and moves the score's position over it.
  void log_to(PartitionId partition, std::uint64_t number, bool is_given) {
    std::string line = records_.line(partition.topic, number, is_given);
    line.pop_back();
    log_.add(partition, line);
    move_position(partition, 1);
  }
  void count(std::uint64_t number, std::int64_t by) {
    const std::string& faculty = contest_.faculties()[number % 2].name;
    const std::int64_t discipline = contest_.disciplines()[number % 3].id;
    for (Score::Count& each : score_.counts) {
      if (each.faculty == faculty && each.discipline_id == discipline &&
          each.outcome == toss(number).outcome) {
        each.count += by;
        return;
      }
    }
    score_.counts.push_back({.faculty = faculty,
                             .discipline_id = discipline,
                             .outcome = toss(number).outcome,
                             .count = by});
  }
  void move_position(PartitionId partition, std::int64_t by) {
    std::erase_if(score_.positions,
                  [&](const Score::Position& each) { return each.partition == partition; });
    const std::int64_t next = (positions_[index_of(partition, kPartitions)] += by);
    PartitionState state{
        .incarnation = log_.incarnation(partition).value(), .next_offset = next, .chain = {}};
    const auto reader = log_.read_from(partition, 0).value();
    std::vector<LoggedRecord> records;
    EXPECT_TRUE(reader->read(records, {}));
    records.resize(std::min(records.size(), static_cast<std::size_t>(next)));
    state.chain.add(records);
    state.end_mark = end_marks_[index_of(partition, kPartitions)];
    score_.positions.push_back({.partition = partition, .state = state});
  }
  // Ends the contest, with marks that the score counts.
  void close() {
    closed_offsets_.emplace();
    for (const PartitionId each : all_partitions(kPartitions)) {
      const std::int64_t mark = log_.end_offset(each).value();
      closed_offsets_->push_back(mark);
      log_.add(each, std::string(RecordFormat::kEndMark));
      end_marks_[index_of(each, kPartitions)] = mark;
      move_position(each, 1);
      ++score_.not_counted.after_end;
    }
  }
  void acknowledge(std::uint64_t number) { acknowledge(number, to_string(toss(number).outcome)); }
  void acknowledge(std::uint64_t number, std::string_view outcome) {
    acks_ += fmt::format("{{\"id\":\"{}\"", test::numbered_id(number).to_string());
    if (!outcome.empty()) acks_ += fmt::format(",\"outcome\":\"{}\"", outcome);
    acks_ += "}\n";
  }

  // Acknowledges with a faculty and a discipline, as JSON; either may be empty.
  void acknowledge_place(std::uint64_t number, std::string_view faculty,
                         std::string_view discipline) {
    acks_ += fmt::format("{{\"id\":\"{}\"", test::numbered_id(number).to_string());
    if (!faculty.empty()) acks_ += fmt::format(",\"faculty\":{}", faculty);
    if (!discipline.empty()) acks_ += fmt::format(",\"discipline\":{}", discipline);
    acks_ += "}\n";
  }

  VerifyReport run(bool with_acks = true, bool are_acks_complete = true) {
    test::write_file(folder_ / "acks", acks_);
    auto acks = Acks::from_file(folder_ / "acks", contest_);
    EXPECT_TRUE(acks) << acks.error().message();
    const VerifyInput input{.contest = contest_,
                            .coin = *judge_,
                            .events = log_,
                            .score = score_,
                            .sums = sums_ ? &*sums_ : nullptr,
                            .sums_of = sums_of_,
                            .closed_offsets = closed_offsets_,
                            .acks = with_acks ? &*acks : nullptr,
                            .are_acks_complete = are_acks_complete,
                            .retry = RetryRule(std::chrono::minutes(10)),
                            .makes_digests = true,
                            .against = summary_ ? &*summary_ : nullptr,
                            .memory = memory_,
                            .clock = clock_,
                            .on_progress = {}};
    auto report = verify(input);
    EXPECT_TRUE(report) << report.error().message();
    return report ? *std::move(report) : VerifyReport();
  }
  // Makes the report the earlier proof of the next run().
  void summarise(const VerifyReport& report) {
    summary_.emplace();
    summary_->partitions = report.partitions;
    summary_->not_counted.repeated = report.repeated;
    for (const VerifyReport::Row& row : report.rows) {
      if (row.in_log == 0) continue;
      summary_->counts.push_back({.faculty = row.faculty,
                                  .discipline_id = row.discipline_id,
                                  .outcome = row.outcome,
                                  .count = row.in_log});
    }
  }
  static void expect_proven(const VerifyReport& report) {
    EXPECT_TRUE(report.is_proven()) << report.to_text();
    EXPECT_THAT(report.to_text(),
                AllOf(HasSubstr("\nverified: "), testing::Not(HasSubstr("DIFFERENT"))));
    EXPECT_EQ(boost::json::parse(report.to_json()).at("verified").as_bool(), true);
  }
  // Expects exactly one difference, with a count of one.
  static void expect_difference(const VerifyReport& report, std::string_view what,
                                std::int64_t count = 1) {
    ASSERT_EQ(report.differences.size(), 1U) << report.to_text();
    EXPECT_EQ(report.differences[0].what, what);
    EXPECT_EQ(report.differences[0].count, count);
    EXPECT_FALSE(report.differences[0].example.empty());
    EXPECT_FALSE(report.is_proven());
    EXPECT_THAT(report.to_text(), AllOf(HasSubstr("NOT verified"), HasSubstr(std::string(what))));
    const auto json = boost::json::parse(report.to_json());
    EXPECT_EQ(json.at("verified").as_bool(), false);
    EXPECT_EQ(json.at("differences").at(0).at("what").as_string(), what);
    EXPECT_EQ(json.at("differences").at(0).at("count").as_int64(), count);
  }

  const Contest contest_ = Contest::defaults();
  const Coin coin_{kSeed};
  const Coin* judge_ = &coin_;  // the coin that the proof recomputes
  test::TempFolder folder_;
  test::NumberedRecords records_;
  test::MemoryLog log_{kPartitions};
  IdMemory memory_{{.folder = folder_.path()}};
  base::SystemClock clock_;
  Score score_;
  std::optional<Summary> summary_;
  std::optional<StoredValues> sums_;
  std::function<StoredValues(const Score&)> sums_of_;
  std::array<std::int64_t, 2 * kPartitions> positions_{};
  std::array<std::optional<std::int64_t>, 2 * kPartitions> end_marks_;
  std::optional<std::vector<std::int64_t>> closed_offsets_;
  std::string acks_;
};

TEST_F(VerifyTest, ACleanRunIsProven) {
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.records, 205);
  EXPECT_EQ(report.repeated, 5);
  EXPECT_EQ(report.counted, 200);
  EXPECT_EQ(report.coins, 205);
  EXPECT_EQ(report.lag, 0);
  EXPECT_EQ(report.acknowledged, 200);
  EXPECT_EQ(report.unacknowledged, 0);
  EXPECT_EQ(report.rows.size(), 12U);
  for (const VerifyReport::Row& row : report.rows) EXPECT_EQ(row.in_log, row.in_score);
}

TEST_F(VerifyTest, TheRecordsOfAnEarlierProofAreStillThereWhenTheLogHasGrown) {
  const VerifyReport first = run();
  EXPECT_EQ(first.partitions.size(), 2U * kPartitions);
  EXPECT_EQ(first.unchanged, std::nullopt);
  summarise(first);
  for (std::uint64_t number = 200; number < 230; ++number) log_entry(number, false);
  for (std::uint64_t number = 200; number < 230; ++number) acknowledge(number);
  const VerifyReport second = run();
  expect_proven(second);
  EXPECT_EQ(second.unchanged, 205);
  EXPECT_NE(second.partitions, first.partitions);
}

TEST_F(VerifyTest, ARecordThatIsAnotherOneThanInTheEarlierProofIsFound) {
  summarise(run());
  summary_->partitions[1].sha256.back() ^= 1;
  expect_difference(run(), "partitions whose records are not those of the summary");
}

TEST_F(VerifyTest, RecordsThatTheLogLostSinceTheEarlierProofAreFound) {
  summarise(run());
  summary_->partitions[0].next_offset += 3;
  expect_difference(run(), "records of the summary that the log does not hold", 3);
}

TEST_F(VerifyTest, ANumberOfTheEarlierProofThatItsRecordsDoNotGiveIsFound) {
  summarise(run());
  ++summary_->not_counted.repeated;
  expect_difference(run(), "numbers in which the summary and its records differ");
}

TEST_F(VerifyTest, ACountOfTheEarlierProofThatItsRecordsDoNotGiveIsFound) {
  summarise(run());
  ++summary_->counts[4].count;
  expect_difference(run(), "counts in which the summary and its records differ", 2);
}

TEST_F(VerifyTest, ARunWithoutAcksIsProvenForLogAndScore) {
  const VerifyReport report = run(/*with_acks=*/false);
  expect_proven(report);
  EXPECT_FALSE(report.has_acks);
}

TEST_F(VerifyTest, AnEmptyContestIsProven) {
  test::MemoryLog empty(kPartitions);
  const Score score;
  const auto report = verify({.contest = contest_,
                              .coin = coin_,
                              .events = empty,
                              .score = score,
                              .sums_of = {},
                              .acks = nullptr,
                              .retry = RetryRule(std::chrono::minutes(10)),
                              .memory = memory_,
                              .clock = clock_,
                              .on_progress = {}});
  ASSERT_TRUE(report);
  expect_proven(*report);
}

TEST_F(VerifyTest, UncountedResultsAreALagAndNoDifference) {
  for (std::uint64_t number = 1000; number < 1010; ++number) {
    log_to(place_of(number), number, false);
    move_position(place_of(number), -1);
    acknowledge(number);
  }
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.lag, 10);
  EXPECT_EQ(report.records, 215);
  EXPECT_EQ(report.counted, 200);
}

TEST_F(VerifyTest, AnAcknowledgedEntryThatIsNotInTheLogIsFound) {
  acknowledge(999);
  expect_difference(run(), "acknowledged entries that the log does not hold");
}

TEST_F(VerifyTest, AnAcknowledgedOutcomeThatDiffersFromTheLogIsFound) {
  const bool won = toss(500).outcome == Outcome::kWinner;
  log_entry(500, false);
  acknowledge(500, won ? "loser" : "winner");
  expect_difference(run(), "acknowledged outcomes that the log does not hold");
}

TEST_F(VerifyTest, TwoAnswersThatDifferAreFound) {
  const bool won = toss(3).outcome == Outcome::kWinner;
  acknowledge(3, won ? "loser" : "winner");
  EXPECT_FALSE(run().is_proven());
}

TEST_F(VerifyTest, ARepeatedAckCountsOnce) {
  acknowledge(3);
  acknowledge(3);
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.acknowledged, 200);
}

TEST_F(VerifyTest, AnAckMayLeaveItsOutcomeOut) {
  log_entry(600, false);
  acknowledge(600, "");
  expect_proven(run());
}

TEST_F(VerifyTest, AcksOfOneIdWithAndWithoutTheOutcomeCountOnce) {
  acknowledge(3, "");
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.acknowledged, 200);
}

TEST_F(VerifyTest, AnAckMaySayFacultyAndDisciplineByAnyNameOfTheContest) {
  acknowledge_place(4, R"("Ingeniería")", "2");  // number 4: faculty 0, discipline 1
  acknowledge_place(4, R"("ENGINEERING")", "");
  acknowledge_place(5, "", "3");
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.acknowledged, 200);
}

TEST_F(VerifyTest, AnAckWithAnotherFacultyIsFound) {
  acknowledge_place(4, R"("Agronomía")", "2");
  expect_difference(run(), "acknowledged faculties that the log does not hold");
  EXPECT_THAT(run().differences[0].example,
              AllOf(HasSubstr(test::numbered_id(4).to_string()),
                    HasSubstr("acknowledged Agronomía, the log has Ingeniería")));
}

TEST_F(VerifyTest, AnAckWithAnotherDisciplineIsFound) {
  acknowledge_place(4, R"("Ingeniería")", "3");
  expect_difference(run(), "acknowledged disciplines that the log does not hold");
  EXPECT_THAT(run().differences[0].example,
              HasSubstr("acknowledged discipline 3, the log has discipline 2"));
}

TEST_F(VerifyTest, AnAckOfAFacultyOrDisciplineThatTheContestDoesNotHaveIsFound) {
  acknowledge_place(4, R"("Letras")", "");
  EXPECT_THAT(run().differences.at(0).example,
              HasSubstr("a faculty that the contest does not have"));
  acks_.clear();
  for (std::uint64_t number = 0; number < 200; ++number) acknowledge(number);
  acknowledge_place(4, "", "77");
  EXPECT_THAT(run().differences.at(0).example,
              HasSubstr("a discipline that the contest does not have"));
}

TEST_F(VerifyTest, AcksOfOneIdThatContradictEachOtherAreFound) {
  acknowledge_place(4, R"("Ingeniería")", "2");
  acknowledge_place(4, R"("Agronomía")", "2");
  EXPECT_FALSE(run().is_proven());
}

TEST_F(VerifyTest, ARepeatWithAnotherFacultyIsNoDifferenceOfTheAck) {
  acknowledge_place(10, R"("Ingeniería")", "2");
  std::string line = records_.line(toss(10).outcome, 10, true);
  const std::size_t at = line.find("Ingeniería");
  ASSERT_NE(at, std::string::npos);
  line.replace(at, std::string_view("Ingeniería").size(), "Agronomía");
  line.pop_back();
  log_.add(place_of(10), line);
  move_position(place_of(10), 1);
  ++score_.not_counted.repeated;
  expect_proven(run());
}

TEST_F(VerifyTest, AScoreThatIsOffByOneIsFound) {
  for (const std::int64_t by : {+1, -1}) {
    count(4, by);
    expect_difference(run(), "counts in which score and log differ");
    EXPECT_THAT(run().to_text(), HasSubstr("DIFFERENT\n"));
    count(4, -by);
  }
}

TEST_F(VerifyTest, CountsThatWouldCancelOutAreBothFound) {
  count(0, 1);
  count(1, -1);
  expect_difference(run(), "counts in which score and log differ", 2);
}

TEST_F(VerifyTest, ACountOfAFacultyThatTheLogDoesNotKnowIsFound) {
  score_.counts.push_back(
      {.faculty = "Cocina", .discipline_id = 1, .outcome = Outcome::kWinner, .count = 2});
  expect_difference(run(), "counts in which score and log differ", 2);
}

TEST_F(VerifyTest, AScoreThatIsAheadOfTheLogIsFound) {
  move_position(place_of(0), 3);
  expect_difference(run(), "results in the score that the log does not hold", 3);
}

TEST_F(VerifyTest, AnotherCoinIsFound) {
  const Coin other(CoinSeed{1});
  judge_ = &other;
  const VerifyReport report = run();
  std::int64_t wrong_outcomes = 0;
  for (const Difference& each : report.differences) {
    if (each.what == "outcomes that are not the coin's") wrong_outcomes = each.count;
  }
  EXPECT_GT(wrong_outcomes, 60);
  EXPECT_LT(wrong_outcomes, 145);
}

TEST_F(VerifyTest, AResultInTheOtherTopicIsFound) {
  const auto wrong = toss(700).outcome == Outcome::kWinner ? Outcome::kLoser : Outcome::kWinner;
  log_to({.topic = wrong, .number = 0}, 700, false);
  const VerifyReport report = run(/*with_acks=*/false);
  ASSERT_FALSE(report.differences.empty());
  EXPECT_EQ(report.differences[0].what, "outcomes that are not the coin's");
  EXPECT_EQ(report.differences[0].count, 1);
}

TEST_F(VerifyTest, AResultInAnotherPartitionThanItsIdsIsFound) {
  PartitionId other = place_of(700);
  other.number = 1 - other.number;
  log_to(other, 700, false);
  count(700, 1);
  acknowledge(700);
  expect_difference(run(), "records in another partition than their id's");
}

TEST_F(VerifyTest, AnEntryLoggedTwiceAndCountedTwiceIsFound) {
  log_entry(3, false);  // an id of the server cannot occur twice
  const VerifyReport report = run();
  ASSERT_EQ(report.differences.size(), 2U) << report.to_text();
  EXPECT_EQ(report.differences[0].what, "ids of servers that the log holds twice");
  EXPECT_EQ(report.differences[1].what, "acknowledged entries counted twice");
}

TEST_F(VerifyTest, AServersIdThatTheLogHoldsTwiceIsFoundWithoutAcks) {
  log_entry(3, false);
  expect_difference(run(/*with_acks=*/false), "ids of servers that the log holds twice");
}

TEST_F(VerifyTest, ARecordWhoseIdIsNotInTimeIsFoundAndNotCounted) {
  base::UuidGenerator ids;
  Entry entry{.id = {}, .is_id_given = true};
  do entry.id = ids.next(test::TestClock::kStartMs - 3'600'000);
  while (coin_.toss(entry.id).outcome != Outcome::kWinner);
  const PartitionId place{.topic = Outcome::kWinner,
                          .number = coin_.toss(entry.id).partition(kPartitions)};
  std::string line;
  RecordFormat(contest_).append(line, entry, {}, Outcome::kWinner);
  line.pop_back();
  log_.add(place, line);
  move_position(place, 1);
  ++score_.not_counted.not_in_time;
  const VerifyReport report = run();
  expect_difference(report, "records that no server wrote: their ids are not in time");
  EXPECT_EQ(report.not_in_time, 1);
  EXPECT_EQ(report.counted, 200);
}

TEST_F(VerifyTest, AContestThatIsClosedIsProven) {
  close();
  const VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.after_end, 0);
  EXPECT_EQ(report.counted, 200);
}

TEST_F(VerifyTest, RecordsBehindTheEndMarkAreListedAndDoNotCount) {
  close();
  const PartitionId place{.topic = toss(7000).outcome, .number = toss(7000).partition(kPartitions)};
  log_entry(7000, true, /*counts=*/false);
  --score_.not_counted.repeated;
  ++score_.not_counted.after_end;
  VerifyReport report = run();
  expect_proven(report);
  EXPECT_EQ(report.after_end, 1);
  EXPECT_THAT(report.to_text(), HasSubstr("behind the end mark                1, such as"));
  EXPECT_THAT(report.after_end_example,
              HasSubstr(fmt::format("{}-{}", topic_name(place.topic), place.number)));
  EXPECT_EQ(boost::json::parse(report.to_json()).at("after_end").as_int64(), 1);
  // An ack for it is wrong.
  acknowledge(7000);
  expect_difference(run(), "acknowledged entries that the log does not hold");
}

TEST_F(VerifyTest, ARecordBehindTheEndMarkThatTheScoreCountedIsFound) {
  close();
  log_entry(7000, true);
  const VerifyReport report = run(/*with_acks=*/false);
  ASSERT_EQ(report.differences.size(), 2U) << report.to_text();
  EXPECT_EQ(report.differences[0].what, "counts in which score and log differ");
  EXPECT_THAT(report.differences[1].example, HasSubstr("after_end"));
}

TEST_F(VerifyTest, EndMarksMustBeWhereTheContestWasClosed) {
  close();
  ++closed_offsets_->front();
  expect_difference(run(), "partitions whose first end mark is not where the contest was closed");
}

TEST_F(VerifyTest, AClosedContestWithoutAnEndMarkIsFound) {
  closed_offsets_ = std::vector<std::int64_t>(2 * kPartitions, 0);
  expect_difference(run(), "partitions whose first end mark is not where the contest was closed",
                    2 * kPartitions);
}

TEST_F(VerifyTest, AScoreThatSawTheEndMarkElsewhereIsFound) {
  close();
  score_.positions.front().state.end_mark = 1;
  expect_difference(run(), "end marks that the score has at another place than the log");
}

TEST_F(VerifyTest, ARepeatThatTheScoreCountedIsFound) {
  log_entry(5, true, /*counts=*/false);
  --score_.not_counted.repeated;
  count(5, 1);
  const VerifyReport report = run();
  ASSERT_EQ(report.differences.size(), 2U) << report.to_text();
  EXPECT_EQ(report.differences[0].what, "counts in which score and log differ");
  EXPECT_EQ(report.differences[1].what, "repeats and records not in time: score and log differ");
  EXPECT_EQ(report.differences[1].example, "repeated: the log has 6, the score 5");
}

TEST_F(VerifyTest, AScoreOfOtherRecordsThanTheLogsIsFound) {
  struct Case {
    std::size_t record;  // of winners-0
    std::string_view example;
  };
  const PartitionId winners{.topic = Outcome::kWinner, .number = 0};
  const auto last = static_cast<std::size_t>(log_.end_offset(winners).value()) - 1;
  for (const auto& [record, example] :
       {Case{last, "winners-0: another record was counted at offset {}"},
        Case{0, "winners-0: another record was counted before offset {}"},
        Case{last / 2, "winners-0: another record was counted before offset {}"}}) {
    log_.change_time(winners, record, 1);
    const VerifyReport report = run();
    expect_difference(report,
                      "partitions in which the score counted records that the log does not hold");
    EXPECT_EQ(report.differences[0].example, fmt::format(fmt::runtime(example), last));
    log_.change_time(winners, record, -1);
  }
  expect_proven(run());
}

TEST_F(VerifyTest, ASumBesideTheScoreThatDiffersIsFound) {
  sums_of_ = [](const Score& score) {
    StoredValues sums;
    std::map<std::string, std::int64_t> by_faculty;
    for (const Score::Count& each : score.counts) by_faculty[each.faculty] += each.count;
    for (const auto& [name, count] : by_faculty) sums["by_faculty " + name] = std::to_string(count);
    return sums;
  };
  sums_ = sums_of_(score_);
  expect_proven(run());
  sums_->at("by_faculty Ingeniería") = "101";
  expect_difference(run(), "sums in which score and log differ");
  sums_ = sums_of_(score_);
  sums_->emplace("by_faculty Nadie", "1");
  const VerifyReport report = run();
  expect_difference(report, "sums in which score and log differ");
  EXPECT_EQ(report.differences[0].example, "by_faculty Nadie: the log gives none, the score has 1");
}

TEST_F(VerifyTest, AResultWithoutAnAckIsFoundWhenTheAcksAreComplete) {
  log_entry(800, false);
  expect_difference(run(), "results in the log without an ack");
  const VerifyReport report = run(/*with_acks=*/true, /*are_acks_complete=*/false);
  expect_proven(report);
  EXPECT_EQ(report.unacknowledged, 1);
}

TEST_F(VerifyTest, ARecordThatIsNoResultIsFound) {
  const PartitionId partition{.topic = Outcome::kLoser, .number = 1};
  log_.add(partition, "{\"\xFF\":1}");
  move_position(partition, 1);
  expect_difference(run(), "records that are not results of this contest");
}

TEST_F(VerifyTest, TheTableHasARowForEachCount) {
  const std::string text = run().to_text();
  for (const char* part : {"faculty", "Ingeniería", "Agronomía", "winner", "loser"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto json = boost::json::parse(run().to_json());
  EXPECT_EQ(json.at("counts").as_array().size(), 12U);
  EXPECT_EQ(json.at("records").as_int64(), 205);
}

class VerifyAcksTest : public testing::Test {
 protected:
  base::Result<Acks> read(std::string_view text) {
    test::write_file(path_, text);
    return Acks::from_file(path_, contest_);
  }
  test::TempFolder folder_;
  const Contest contest_ = Contest::defaults();
  const std::string path_ = folder_ / "acks.ndjson";
};

TEST_F(VerifyAcksTest, AreFoundById) {
  const std::string id = test::numbered_id(1).to_string();
  auto acks =
      read("{\"id\":\"" + id + "\",\"outcome\":\"winner\"}\n\n{\"outcome\": \"loser\", \"id\": \"" +
           test::numbered_id(2).to_string() + "\"}");
  ASSERT_TRUE(acks) << acks.error().message();
  EXPECT_EQ(acks->size(), 2U);
  EXPECT_EQ(acks->find(test::numbered_id(1))->outcome, 0);
  EXPECT_EQ(acks->find(test::numbered_id(2))->outcome, 1);
  EXPECT_EQ(acks->find(test::numbered_id(3)), nullptr);
  EXPECT_EQ(read("")->size(), 0U);
}

TEST_F(VerifyAcksTest, ABadLineIsNamed) {
  const std::string good = "{\"id\":\"" + test::numbered_id(1).to_string() + "\"}\n";
  for (const char* bad :
       {"nonsense", "{}", R"({"id":7})", R"({"id":"short"})", R"({"outcome":"winner"})"}) {
    const auto acks = read(good + good + bad + "\n" + good);
    ASSERT_FALSE(acks) << bad;
    EXPECT_EQ(acks.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(acks.error().message(), HasSubstr(path_ + ":3: expected"));
  }
  EXPECT_FALSE(
      read("{\"id\":\"" + test::numbered_id(1).to_string() + "\",\"outcome\":\"draw\"}\n"));
  for (const char* member : {R"("faculty":7)", R"("discipline":"1")", R"("discipline":1.5)",
                             R"("discipline":1,"discipline":1)"}) {
    EXPECT_FALSE(read("{\"id\":\"" + test::numbered_id(1).to_string() + "\"," + member + "}\n"))
        << member;
  }
  EXPECT_FALSE(Acks::from_file(folder_ / "none", contest_));
}

TEST_F(VerifyAcksTest, ACutLastLineIsSkipped) {
  const std::string whole = "{\"id\":\"" + test::numbered_id(1).to_string() + "\"}";
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const auto acks = read(whole + "\n" + whole.substr(0, length));
    ASSERT_TRUE(acks) << acks.error().message();
    EXPECT_EQ(acks->size(), 1U);
    EXPECT_TRUE(acks->is_cut());
  }
  EXPECT_FALSE(read(whole + "\n" + whole)->is_cut());
  // A whole wrong line was not cut, and neither was the only line.
  EXPECT_FALSE(read(whole + "\n{\"id\":\"x\"}"));
  EXPECT_FALSE(read(whole.substr(0, 9)));
}

}  // namespace
}  // namespace estadio
