#include "estadio/discipline/local_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/judge_contract.h"
#include "estadio/contest/test_log.h"

namespace estadio {
namespace {

constexpr CoinSeed kSeed = {1, 2, 3, 4, 5, 6, 7, 8};

class LocalJudgeHarness {
 public:
  static constexpr int kPartitions = 3;

  LocalJudgeHarness() { known_.set_knows_whole_log(); }

  const Contest& contest() { return contest_; }
  const Coin& coin() { return coin_; }
  Judge& judge() { return judge_; }
  test::MemoryLog& events() { return events_; }
  test::TestClock& clock() { return clock_; }
  KnownIds& known() { return known_; }

 private:
  const Contest contest_ = Contest::defaults();
  const Coin coin_{kSeed};
  test::TestClock clock_;
  test::MemoryLog events_{kPartitions};
  KnownIds known_{60'000};
  LocalJudge judge_{{.contest = contest_,
                     .coin = coin_,
                     .events = events_,
                     .known = known_,
                     .retry = RetryRule(std::chrono::minutes(10)),
                     .clock = clock_}};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Local, JudgeContract, LocalJudgeHarness);

class LocalJudgeTest : public JudgeContract<LocalJudgeHarness> {
 protected:
  base::Result<void> try_judge(const EntryBatch& batch, std::vector<Verdict>& verdicts) {
    verdicts.assign(batch.entries.size(), Verdict());
    base::Result<void> answer = base::fail(base::Code::kInternal, "not answered");
    harness_.judge().judge(batch, verdicts, [&](base::Result<void> result) { answer = result; });
    return answer;  // the log in memory answers at once
  }
};

TEST_F(LocalJudgeTest, AGivenIdThatIsKnownIsMarkedAndNotLoggedAgain) {
  EntryBatch batch;
  add(batch, 1, true);
  add(batch, 2, false);
  EXPECT_FALSE(judge(batch)[0].is_repeated);
  const auto again = judge(batch);
  EXPECT_TRUE(again[0].is_repeated);
  EXPECT_FALSE(again[1].is_repeated) << "an id that the server gave is never a repeat";
  EXPECT_EQ(logged().count(test::numbered_id(1).to_string()), 1U);
  EXPECT_EQ(logged().count(test::numbered_id(2).to_string()), 2U);
}

TEST_F(LocalJudgeTest, ABatchOfKnownIdsAloneIsAnsweredWithoutTheLog) {
  EntryBatch batch;
  add(batch, 1, true);
  judge(batch);
  harness_.events().fail_with({base::Code::kUnavailable, "away"});
  const std::size_t appends = harness_.events().appends();
  EXPECT_TRUE(judge(batch)[0].is_repeated);
  EXPECT_EQ(harness_.events().appends(), appends);
}

TEST_F(LocalJudgeTest, ABatchIsOneAppend) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 100; ++i) add(batch, i, i % 2 == 0);
  judge(batch);
  EXPECT_EQ(harness_.events().appends(), 1U);
}

TEST_F(LocalJudgeTest, ARefusalOfTheLogIsPassedOnAndItsIdsStayUnknown) {
  EntryBatch batch;
  add(batch, 1, true);
  std::vector<Verdict> verdicts;
  for (const auto code :
       {base::Code::kUnavailable, base::Code::kResourceExhausted, base::Code::kInternal}) {
    harness_.events().fail_with({code, "no"});
    const auto answer = try_judge(batch, verdicts);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), code);
  }
  harness_.events().recover();
  ASSERT_TRUE(try_judge(batch, verdicts));
  EXPECT_FALSE(verdicts[0].is_repeated);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(LocalJudgeTest, AnIdIsKnownOnlyForItsRetention) {
  EntryBatch batch;
  add(batch, 1, true);
  judge(batch);
  harness_.clock().advance(58'000);
  EXPECT_TRUE(judge(batch)[0].is_repeated);
  harness_.clock().advance(5'000);
  EXPECT_FALSE(judge(batch)[0].is_repeated);
}

TEST_F(LocalJudgeTest, AnIdTwiceInOneBatchIsLoggedTwiceAndLeftToTheTally) {
  EntryBatch batch;
  add(batch, 1, true);
  add(batch, 1, true);
  const auto verdicts = judge(batch);
  EXPECT_EQ(verdicts[0].outcome, verdicts[1].outcome);
  EXPECT_EQ(logged().size(), 2U);
  EXPECT_TRUE(judge(batch)[1].is_repeated);
}

TEST_F(LocalJudgeTest, AKnownIdWithAnotherContentIsNotLoggedAndTheOthersAre) {
  EntryBatch batch;
  add(batch, 1, true);
  judge(batch);
  batch.entries[0].age = 99;
  add(batch, 2, true);
  const auto verdicts = judge(batch);
  EXPECT_EQ(verdicts[0].durability, Verdict::Durability::kConflict);
  EXPECT_EQ(verdicts[0].conflict, EntryField::kAge);
  EXPECT_EQ(verdicts[1].durability, Verdict::Durability::kOfBatch);
  EXPECT_EQ(logged().size(), 2U);
}

TEST_F(LocalJudgeTest, ALateEntryThatIsKnownIsAnsweredWithoutTheLog) {
  EntryBatch batch;
  add(batch, 1, true);
  judge(batch);
  harness_.events().fail_with({base::Code::kUnavailable, "away"});
  batch.entries[0].is_late = true;
  std::vector<Verdict> verdicts;
  ASSERT_TRUE(try_judge(batch, verdicts));
  EXPECT_EQ(verdicts[0].durability, Verdict::Durability::kKept);
  add(batch, 2, true);
  batch.entries[1].is_late = true;
  EXPECT_FALSE(try_judge(batch, verdicts))
      << "an append that was not answered yet leaves its entries unknown";
}

TEST_F(LocalJudgeTest, ABatchLogsItsEntriesInTimeAndLooksUpTheLateOnes) {
  EntryBatch batch;
  for (std::uint64_t i = 0; i < 3; ++i) add(batch, i, true);
  judge(batch);
  for (std::uint64_t i = 3; i < 6; ++i) add(batch, i, true);
  for (const std::size_t i : {2U, 4U}) batch.entries[i].is_late = true;
  const auto verdicts = judge(batch);
  EXPECT_EQ(verdicts[2].durability, Verdict::Durability::kKept);
  EXPECT_EQ(verdicts[4].durability, Verdict::Durability::kRefused);
  EXPECT_EQ(verdicts[3].durability, Verdict::Durability::kOfBatch);
  EXPECT_EQ(logged().size(), 5U);
  EXPECT_EQ(logged().count(test::numbered_id(4).to_string()), 0U);
}

TEST_F(LocalJudgeTest, ALateEntryWaitsForTheAppendsThatItMayRepeat) {
  EntryBatch batch;
  add(batch, 1, true);
  EntryBatch late = batch;
  late.entries[0].is_late = true;
  std::vector<Verdict> verdicts(1);
  std::vector<Verdict> late_verdicts(1);
  int answers = 0;
  const auto count = [&](const base::Result<void>& result) { answers += result ? 1 : 0; };
  harness_.events().hold();
  harness_.judge().judge(batch, verdicts, count);
  harness_.judge().judge(late, late_verdicts, count);
  EXPECT_EQ(answers, 0);
  harness_.events().release();
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(late_verdicts[0].durability, Verdict::Durability::kKept);
  EXPECT_TRUE(late_verdicts[0].is_repeated);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(LocalJudgeTest, IdsReadBackFromTheLogAreKnown) {
  EntryBatch batch;
  add(batch, 5, true);
  add(batch, 7, true);
  const Entry& known = batch.entries[0];
  harness_.known().add(known.id, EntryContent::of(known, batch.student(known)),
                       harness_.clock().wall_ms() - 1000);
  const auto verdicts = judge(batch);
  EXPECT_TRUE(verdicts[0].is_repeated);
  EXPECT_FALSE(verdicts[1].is_repeated);
}

}  // namespace
}  // namespace estadio
