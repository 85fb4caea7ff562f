#include "estadio/verify/recount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/stored_book.h"
#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};

class RecountTest : public testing::Test {
 protected:
  // Each number has its faculty and discipline.
  void append(PartitionId to, std::uint64_t number, bool is_given = false) {
    std::string line = records_.line(to.topic, number, is_given);
    line.pop_back();
    log_.add(to, line);
  }
  static Score::Position at(PartitionId partition, std::int64_t offset) {
    return {.partition = partition,
            .state = {.incarnation = {}, .next_offset = offset, .chain = {}}};
  }
  Recount::Dependencies deps() {
    return {.contest = contest_,
            .events = log_,
            .retry = RetryRule(std::chrono::minutes(10)),
            .memory = memory_,
            .clock = clock_,
            .on_progress = {}};
  }
  RecordChain chain_of(PartitionId partition, std::size_t records) {
    std::vector<LoggedRecord> all;
    EXPECT_TRUE(log_.read_from(partition, 0).value()->read(all, {}));
    RecordChain chain;
    chain.add(std::span(all).first(records));
    return chain;
  }

  const Contest contest_ = Contest::defaults();
  test::TempFolder folder_;
  test::NumberedRecords records_;
  test::MemoryLog log_{2};
  IdMemory memory_{{.folder = folder_.path()}};
  test::TestClock clock_;
};

TEST_F(RecountTest, CountsEachPartitionUpToItsPosition) {
  for (std::uint64_t number = 0; number < 12; ++number) append(kWinners0, number);
  append(kLosers1, 6, true);
  append(kLosers1, 6, true);
  append(kLosers1, 7);
  Recount recount(deps());
  const std::vector positions = {at(kWinners0, 6), at(kLosers1, 2)};
  const auto counted = recount.count_to(positions);
  ASSERT_TRUE(counted) << counted.error().message();
  const Score score = recount.score();
  EXPECT_EQ(recount.records(), 8);
  EXPECT_EQ(score.total(), 7);
  EXPECT_EQ(score.counts.size(), 7U);
  EXPECT_EQ(score.not_counted.repeated, 1);
  ASSERT_EQ(score.positions.size(), 2U);
  ASSERT_NE(score.find(kWinners0), nullptr);
  EXPECT_EQ(*score.find(kWinners0),
            (PartitionState{.incarnation = log_.incarnation(kWinners0).value(),
                            .next_offset = 6,
                            .chain = chain_of(kWinners0, 6)}));
  EXPECT_EQ(score.find(kLosers1)->chain, chain_of(kLosers1, 2));
}

TEST_F(RecountTest, GoesNoFurtherThanTheLogAndNotBack) {
  for (std::uint64_t number = 0; number < 5; ++number) append(kWinners0, number);
  Recount recount(deps());
  ASSERT_TRUE(recount.count_to(std::vector{at(kWinners0, 99)}));
  EXPECT_EQ(recount.score().position(kWinners0), 5);
  ASSERT_TRUE(recount.count_to(std::vector{at(kWinners0, 2)}));
  EXPECT_EQ(recount.score().position(kWinners0), 5);
  EXPECT_EQ(recount.score().total(), 5);
}

TEST_F(RecountTest, InTwoStepsItIsTheSameAsInOne) {
  for (std::uint64_t number = 0; number < 9; ++number) append(kWinners0, number % 7, true);
  Recount one(deps());
  ASSERT_TRUE(one.count_to(std::vector{at(kWinners0, 9)}));
  Recount two(deps());
  ASSERT_TRUE(two.count_to(std::vector{at(kWinners0, 4)}));
  ASSERT_TRUE(two.count_to(std::vector{at(kWinners0, 9)}));
  EXPECT_EQ(two.score().total(), 7);
  EXPECT_EQ(two.score().not_counted, one.score().not_counted);
  EXPECT_EQ(*two.score().find(kWinners0), *one.score().find(kWinners0));
}

TEST_F(RecountTest, APartitionWithoutAPositionIsNotCounted) {
  append(kWinners0, 1);
  append(kLosers1, 2);
  Recount recount(deps());
  ASSERT_TRUE(recount.count_to(std::vector{at(kLosers1, 1), at({.number = 9}, 1)}));
  const Score score = recount.score();
  EXPECT_EQ(score.total(), 1);
  EXPECT_EQ(score.find(kWinners0), nullptr);
  EXPECT_EQ(score.positions.size(), 1U);
}

TEST_F(RecountTest, ARecordThatIsNoResultIsNamed) {
  append(kWinners0, 1);
  log_.add(kWinners0, "{\"who\":\"knows\"}");
  Recount recount(deps());
  const auto counted = recount.count_to(std::vector{at(kWinners0, 2)});
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code(), base::Code::kCorruption);
  EXPECT_THAT(counted.error().message(), AllOf(HasSubstr("winners-0, offset 1"), HasSubstr("who")));
}

TEST_F(RecountTest, ChangesAreMissingForeignAndDifferentValues) {
  const StoredValues stored = {{"a", "1"}, {"b", "2"}, {"d", "4"}};
  const StoredValues wanted = {{"a", "1"}, {"b", "3"}, {"c", "5"}};
  const std::vector<ValueChange> expected = {{.name = "b", .stored = "2", .wanted = "3"},
                                             {.name = "c", .stored = std::nullopt, .wanted = "5"},
                                             {.name = "d", .stored = "4", .wanted = std::nullopt}};
  EXPECT_EQ(changes_between(stored, wanted), expected);
  EXPECT_TRUE(changes_between(wanted, wanted).empty());
}

}  // namespace
}  // namespace estadio
