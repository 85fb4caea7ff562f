#include "estadio/discipline/local_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/judge_contract.h"
#include "estadio/contest/test_log.h"

namespace estadio {
namespace {

using testing::ElementsAre;

constexpr CoinSeed kSeed = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr std::int64_t kEndMs = test::TestClock::kStartMs + 3'600'000;

class LocalJudgeHarness {
 public:
  static constexpr int kPartitions = 3;

  LocalJudgeHarness() { end_.set_lease(base::Nanos::max() - base::Nanos(1)); }

  const Contest& contest() { return contest_; }
  const Coin& coin() { return coin_; }
  Judge& judge() { return judge_; }
  test::MemoryLog& events() { return events_; }
  test::TestClock& clock() { return clock_; }
  KnownIds& known() { return known_; }
  ContestEnd& end() { return end_; }
  AcceptedIds& accepted() { return accepted_; }

 private:
  const Contest contest_ = Contest::defaults();
  const Coin coin_{kSeed};
  test::TestClock clock_;
  test::MemoryLog events_{kPartitions};
  KnownIds known_{60'000};
  test::CapturedLog log_;
  IdMemory memory_{{.folder = "/tmp"}};
  ContestEnd end_{kEndMs, ContestEnd::LeaseNeed::kLease, clock_};
  AcceptedIds accepted_{{.contest = contest_,
                         .events = events_,
                         .retry = RetryRule(std::chrono::minutes(10)),
                         .memory = memory_,
                         .clock = clock_,
                         .log = log_.logger()}};
  LocalJudge judge_{{.contest = contest_,
                     .coin = coin_,
                     .events = events_,
                     .known = known_,
                     .end = end_,
                     .accepted = accepted_,
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

// The end of a contest.

class JudgeAtTheEndTest : public LocalJudgeTest {
 protected:
  using Durability = Verdict::Durability;

  // Logs and acknowledges entries with given ids.
  EntryBatch kept(std::uint64_t from, std::uint64_t until) {
    EntryBatch batch;
    for (std::uint64_t i = from; i < until; ++i) add(batch, i, true);
    judge(batch);
    return batch;
  }
  // Judges and returns the durabilities.
  std::vector<Durability> durabilities_of(const EntryBatch& batch) {
    std::vector<Verdict> verdicts;
    const auto answer = try_judge(batch, verdicts);
    std::vector<Durability> all;
    for (const Verdict& verdict : verdicts) {
      all.push_back(verdict.durability == Durability::kOfBatch ? durability_of_batch(answer)
                                                               : verdict.durability);
    }
    return all;
  }
  // Closes the contest. The accepted ids are not read yet.
  std::vector<std::int64_t> close() {
    std::vector<std::int64_t> marks;
    for (const PartitionId each : all_partitions(LocalJudgeHarness::kPartitions)) {
      marks.push_back(harness_.events().end_offset(each).value());
    }
    harness_.events().append_end_marks([](const base::Result<void>&) {});
    harness_.end().set_phase(ContestPhase::kClosed);
    return marks;
  }
  void read_accepted(const std::vector<std::int64_t>& marks) {
    ASSERT_TRUE(harness_.accepted().read(marks, [] { return false; }));
  }
  // An entry with a known id, one with an unknown id, and one without an id.
  EntryBatch all_kinds(const EntryBatch& known) {
    EntryBatch batch = known;
    batch.entries.resize(1);
    add(batch, 1000, true);
    add(batch, 2000, false);
    return batch;
  }
};

TEST_F(JudgeAtTheEndTest, WhenItsClockIsPastTheEndAJudgeTakesNothingNewAndRefusesNothingForGood) {
  harness_.clock().set(kEndMs - 1);
  const EntryBatch known = kept(0, 3);
  const std::size_t appends = harness_.events().appends();
  harness_.clock().set(kEndMs);
  EXPECT_THAT(durabilities_of(all_kinds(known)),
              ElementsAre(Durability::kKept, Durability::kRefused, Durability::kRefused));
  EXPECT_EQ(harness_.events().appends(), appends);
}

TEST_F(JudgeAtTheEndTest, WithoutALeaseNothingIsLoggedAndKnownIdsAreAnswered) {
  const EntryBatch known = kept(0, 3);
  harness_.end().set_lease(base::Nanos::min());
  const std::size_t appends = harness_.events().appends();
  EXPECT_THAT(durabilities_of(all_kinds(known)),
              ElementsAre(Durability::kKept, Durability::kRefused, Durability::kRefused));
  EXPECT_EQ(harness_.events().appends(), appends);
}

TEST_F(JudgeAtTheEndTest, ARecordWhoseReportComesWhenTheLeaseIsOverIsUnknownAndStaysUnknown) {
  EntryBatch batch;
  add(batch, 1, true);
  add(batch, 2, false);
  std::vector<Verdict> verdicts(2);
  base::Result<void> answer;
  harness_.events().hold();
  harness_.judge().judge(batch, verdicts, [&](base::Result<void> result) { answer = result; });
  harness_.end().set_lease(base::Nanos::min());
  harness_.events().release();
  ASSERT_FALSE(answer);
  EXPECT_EQ(durability_of_batch(answer), Durability::kUnknown);
  EXPECT_EQ(durabilities_of(batch)[0], Durability::kRefused) << "it is not known as accepted";
}

TEST_F(JudgeAtTheEndTest, OnceTheContestIsClosingEntriesWithoutAnIdAreRefusedForGood) {
  const EntryBatch known = kept(0, 3);
  for (const ContestPhase phase :
       {ContestPhase::kClosing, ContestPhase::kMarking, ContestPhase::kClosed}) {
    harness_.end().set_phase(phase);
    EXPECT_THAT(durabilities_of(all_kinds(known)),
                ElementsAre(Durability::kKept, Durability::kRefused, Durability::kOver));
  }
}

TEST_F(JudgeAtTheEndTest, OnceTheAcceptedIdsAreReadEveryIdIsAnsweredForEver) {
  const EntryBatch known = kept(0, 3);
  read_accepted(close());
  for (const std::int64_t later_ms : {0, 86'400'000}) {
    harness_.clock().advance(later_ms);
    EXPECT_THAT(durabilities_of(all_kinds(known)),
                ElementsAre(Durability::kKept, Durability::kOver, Durability::kOver));
    std::vector<Verdict> verdicts;
    EXPECT_FALSE(try_judge(known, verdicts));
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      EXPECT_TRUE(verdicts[i].is_repeated);
      EXPECT_EQ(verdicts[i].outcome, harness_.coin().toss(known.entries[i].id).outcome);
    }
  }
}

TEST_F(JudgeAtTheEndTest, AnAcceptedIdWithAnotherContentIsAConflict) {
  EntryBatch batch = kept(0, 1);
  read_accepted(close());
  batch.entries[0].discipline = static_cast<DisciplineIndex>(batch.entries[0].discipline + 1);
  std::vector<Verdict> verdicts;
  EXPECT_FALSE(try_judge(batch, verdicts));
  EXPECT_EQ(verdicts[0].durability, Durability::kConflict);
  EXPECT_EQ(verdicts[0].conflict, EntryField::kDiscipline);
  EXPECT_FALSE(verdicts[0].is_repeated);
}

}  // namespace
}  // namespace estadio
