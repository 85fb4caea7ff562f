#include "estadio/dedup/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};

class FoldTest : public testing::Test {
 protected:
  // Returns records as a reader does. `lines_` owns their text.
  LoggedRecord logged(std::int64_t offset, std::uint64_t number, bool is_given = false,
                      std::int64_t time_ms = 1'000'000) {
    return logged_line(offset, records_.line(Outcome::kLoser, number, is_given), time_ms);
  }
  LoggedRecord logged_line(std::int64_t offset, std::string line,
                           std::int64_t time_ms = 1'000'000) {
    while (line.ends_with('\n')) line.pop_back();
    return {.offset = offset, .time_ms = time_ms, .line = lines_.emplace_back(std::move(line))};
  }
  static std::int64_t count_of(const ScoreCommit& commit, FacultyIndex faculty,
                               DisciplineIndex discipline) {
    std::int64_t count = 0;
    int mentions = 0;
    for (const ScoreCommit::Delta& delta : commit.deltas) {
      if (delta.faculty != faculty || delta.discipline != discipline) continue;
      count = delta.count;
      ++mentions;
    }
    EXPECT_LE(mentions, 1);
    return count;
  }

  const Contest contest_ = Contest::defaults();
  test::NumberedRecords records_;
  std::deque<std::string> lines_;
  test::TempFolder folder_;
  test::MemoryLog log_{2};
  IdMemory memory_{{.folder = folder_.path()}};
  base::SystemClock clock_;
  const RecordFormat format_{contest_};
  RepeatFilter filter_{RetryRule(RetryRule::kWindowDefault),
                       kLosers1,
                       {.events = log_, .format = format_, .memory = memory_, .clock = clock_}};
  Fold fold_{contest_, kLosers1, format_, filter_};
};

TEST_F(FoldTest, FoldsRecordsIntoOneDeltaForEachFacultyAndDiscipline) {
  std::vector<LoggedRecord> records;
  for (std::uint64_t number = 0; number < 60; ++number) {
    records.push_back(logged(static_cast<std::int64_t>(number), number));
  }
  ASSERT_TRUE(fold_.add(std::span(records).first(25)));
  ASSERT_TRUE(fold_.add(std::span(records).subspan(25)));
  EXPECT_EQ(fold_.pending(), 60);
  const ScoreCommit commit = fold_.take();
  EXPECT_EQ(commit.partition, kLosers1);
  EXPECT_EQ(commit.not_counted.repeated, 0);
  EXPECT_EQ(commit.deltas.size(), 6U);
  for (FacultyIndex faculty = 0; faculty < 2; ++faculty) {
    for (DisciplineIndex discipline = 0; discipline < 3; ++discipline) {
      EXPECT_EQ(count_of(commit, faculty, discipline), 10);
    }
  }
}

TEST_F(FoldTest, TakenDeltasAreNotReturnedAgain) {
  const std::vector records = {logged(0, 1, true)};
  ASSERT_TRUE(fold_.add(records));
  EXPECT_EQ(fold_.take().deltas.size(), 1U);
  EXPECT_EQ(fold_.pending(), 0);
  const ScoreCommit nothing = fold_.take();
  EXPECT_TRUE(nothing.deltas.empty());
  EXPECT_EQ(nothing.not_counted.repeated, 0);
}

TEST_F(FoldTest, ARepeatedGivenIdIsCountedOnce) {
  const std::vector first = {logged(0, 6, true), logged(1, 6, true)};
  const std::vector second = {logged(2, 6, true), logged(3, 12, true)};
  ASSERT_TRUE(fold_.add(first));
  ScoreCommit commit = fold_.take();
  EXPECT_EQ(count_of(commit, 0, 0), 1);
  EXPECT_EQ(commit.not_counted.repeated, 1);
  ASSERT_TRUE(fold_.add(second));
  EXPECT_EQ(fold_.pending(), 2);
  commit = fold_.take();
  EXPECT_EQ(count_of(commit, 0, 0), 1);
  EXPECT_EQ(commit.not_counted.repeated, 1);
}

TEST_F(FoldTest, ARecordWhoseIdIsNotInTimeIsNotCounted) {
  base::UuidGenerator ids;
  const auto line_of = [&](std::int64_t id_ms) {
    std::string line;
    format_.append(line, {.id = ids.next(id_ms), .is_id_given = true}, {}, Outcome::kLoser);
    return line;
  };
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::vector records = {logged_line(0, line_of(kHourMs), 2 * kHourMs),
                               logged_line(1, line_of(kHourMs), kHourMs),
                               logged_line(2, line_of(2 * kHourMs), kHourMs)};
  ASSERT_TRUE(fold_.add(records));
  EXPECT_EQ(fold_.pending(), 3);
  const ScoreCommit commit = fold_.take();
  EXPECT_EQ(commit.not_counted.not_in_time, 2);
  ASSERT_EQ(commit.deltas.size(), 1U);
  EXPECT_EQ(commit.deltas[0].count, 1);
  EXPECT_EQ(fold_.take().not_counted.not_in_time, 0);
}

TEST_F(FoldTest, TheFirstEndMarkAndWhatIsBehindItDoesNotCount) {
  const std::string mark(RecordFormat::kEndMark);
  const std::vector records = {logged(0, 6, true),   logged_line(1, mark),
                               logged(2, 6, true),   logged(3, 7, true),
                               logged_line(4, mark), logged_line(5, "anything")};
  ASSERT_TRUE(fold_.add(std::span(records).first(1)));
  EXPECT_EQ(fold_.end_mark(), std::nullopt);
  ASSERT_TRUE(fold_.add(std::span(records).subspan(1)));
  EXPECT_EQ(fold_.pending(), 6);
  EXPECT_EQ(fold_.end_mark(), 1);
  const ScoreCommit commit = fold_.take();
  EXPECT_EQ(count_of(commit, 0, 0), 1);
  EXPECT_EQ(commit.deltas.size(), 1U);
  EXPECT_EQ(commit.not_counted, (NotCounted{.after_end = 5}));
  EXPECT_EQ(fold_.end_mark(), 1) << "it stays";
}

TEST_F(FoldTest, AFoldThatBeginsBehindTheEndMarkCountsNothing) {
  fold_.reset(41);
  const std::vector records = {logged(50, 6, true), logged(51, 7)};
  ASSERT_TRUE(fold_.add(records));
  EXPECT_EQ(fold_.take().not_counted, (NotCounted{.after_end = 2}));
  EXPECT_EQ(fold_.end_mark(), 41);
  fold_.reset();
  EXPECT_EQ(fold_.end_mark(), std::nullopt);
}

TEST_F(FoldTest, ResetForgetsTheDeltas) {
  const std::vector records = {logged(0, 6, true), logged(1, 6, true), logged(2, 8)};
  ASSERT_TRUE(fold_.add(records));
  fold_.reset();
  EXPECT_EQ(fold_.pending(), 0);
  const std::vector again = {logged(0, 7)};
  ASSERT_TRUE(fold_.add(again));
  const ScoreCommit commit = fold_.take();
  EXPECT_EQ(commit.not_counted.repeated, 0);
  ASSERT_EQ(commit.deltas.size(), 1U);
  EXPECT_EQ(commit.deltas[0].count, 1);
}

TEST_F(FoldTest, ARecordThatIsNoResultOfThisContestIsNamedAndStopsTheFold) {
  const std::string strange = R"({"id":"00000000-0000-4000-0000-000000000001","faculty":"Cocina",)"
                              R"("discipline":1,"outcome":"loser"})";
  for (const std::string& line :
       {std::string("hello"), std::string(), strange, records_.line(Outcome::kWinner, 4)}) {
    fold_.reset();
    const std::vector records = {logged(41, 1), logged_line(42, line), logged(43, 2)};
    const auto added = fold_.add(records);
    ASSERT_FALSE(added) << line;
    EXPECT_EQ(added.error().code(), base::Code::kCorruption);
    EXPECT_THAT(added.error().message(), AllOf(HasSubstr("losers-1"), HasSubstr("offset 42")));
    EXPECT_EQ(fold_.pending(), 1) << "the record before it and none after";
  }
}

TEST_F(FoldTest, ALongRecordIsQuotedInPart) {
  const std::vector records = {logged_line(0, std::string(1'000'000, 'x'))};
  const auto added = fold_.add(records);
  ASSERT_FALSE(added);
  EXPECT_LT(added.error().message().size(), 500U);
}

}  // namespace
}  // namespace estadio
