// The contract of ScoreBook, for every implementation.
//
// An adapter's test makes a harness and instantiates the suite:
//
//   struct RocksHarness {
//     ScoreBook& open(const Contest& contest);  // a new, empty book; called once, before reopen()
//     ScoreBook& reopen(const Contest& contest);  // the same book as a new process finds it
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, ScoreBookContract, RocksHarness);
//
// A reference is valid until the next reopen() or the harness's end, whichever comes first.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "estadio/contest/score_book.h"
#include "estadio/contest/test_world.h"

namespace estadio {

template <class Harness>
class ScoreBookContract : public testing::Test {
 protected:
  static constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
  static constexpr PartitionId kWinners1{.topic = Outcome::kWinner, .number = 1};
  static constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};

  void SetUp() override { book_ = &harness_.open(contest_); }
  ScoreBook& book() { return *book_; }
  void reopen(const Contest& contest) { book_ = &harness_.reopen(contest); }

  // Returns a commit of the range. All its records but the repeats have one faculty and discipline.
  // Its chains are chain_at() its ends.
  static ScoreCommit range(PartitionId partition, std::int64_t first, std::int64_t next,
                           std::int64_t repeated = 0) {
    ScoreCommit commit;
    commit.partition = partition;
    commit.before = state_at(partition, first);
    commit.after = state_at(partition, next);
    if (next - first > repeated) {
      commit.deltas.push_back({.faculty = 0, .discipline = 0, .count = next - first - repeated});
    }
    commit.not_counted.repeated = repeated;
    return commit;
  }
  static PartitionState state_at(PartitionId partition, std::int64_t offset) {
    return {.incarnation = incarnation(partition.topic),
            .next_offset = offset,
            .chain = chain_at(offset)};
  }
  // Any value but 0 for a position behind the first record.
  static RecordChain chain_at(std::int64_t offset) {
    if (offset <= 0) return {};
    return {.before_last = 0xFFFF'0000'0000'0000U + static_cast<std::uint64_t>(offset) - 1,
            .all = 0xFFFF'0000'0000'0000U + static_cast<std::uint64_t>(offset)};
  }
  static base::Uuid incarnation(Outcome topic) {
    return test::numbered_id(topic == Outcome::kWinner ? 1 : 2);
  }

  CommitOutcome commit(const ScoreCommit& commit) {
    const auto outcome = book().commit(commit);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return outcome.value_or(CommitOutcome{.is_applied = false, .position = -1});
  }
  Score read() {
    auto score = book().read();
    EXPECT_TRUE(score) << score.error().message();
    return score ? *std::move(score) : Score();
  }
  std::int64_t position(PartitionId partition) { return read().position(partition); }

  using Counts = std::map<std::tuple<std::string, std::int64_t, Outcome>, std::int64_t>;
  Counts counts() {
    Counts counts;
    for (const Score::Count& each : read().counts) {
      const auto key = std::tuple(each.faculty, each.discipline_id, each.outcome);
      EXPECT_TRUE(counts.emplace(key, each.count).second) << each.faculty << " occurs twice";
    }
    return counts;
  }
  static std::int64_t positions_sum(const Score& score) {
    std::int64_t sum = 0;
    for (const Score::Position& each : score.positions) sum += each.state.next_offset;
    return sum;
  }

  const Contest contest_ = Contest::defaults();
  Harness harness_;
  ScoreBook* book_ = nullptr;
};

TYPED_TEST_SUITE_P(ScoreBookContract);

TYPED_TEST_P(ScoreBookContract, ANewBookIsEmpty) {
  const Score score = this->read();
  EXPECT_EQ(score.total(), 0);
  EXPECT_EQ(score.not_counted.repeated, 0);
  EXPECT_TRUE(score.counts.empty());
  EXPECT_EQ(this->position(this->kWinners0), 0);
}

TYPED_TEST_P(ScoreBookContract, ACommitAddsItsDeltasAndMovesThePosition) {
  ScoreCommit commit = this->range(this->kWinners0, 0, 10, 1);
  commit.deltas = {{.faculty = 0, .discipline = 0, .count = 4},
                   {.faculty = 0, .discipline = 2, .count = 2},
                   {.faculty = 1, .discipline = 1, .count = 3}};
  const CommitOutcome outcome = this->commit(commit);
  EXPECT_TRUE(outcome.is_applied);
  EXPECT_EQ(outcome.position, 10);
  commit.partition = this->kLosers0;
  commit.before = this->state_at(this->kLosers0, 0);
  commit.after = this->state_at(this->kLosers0, 10);
  EXPECT_TRUE(this->commit(commit).is_applied);
  EXPECT_TRUE(this->commit(this->range(this->kWinners0, 10, 15)).is_applied);

  const typename TestFixture::Counts expected = {
      {{"Ingeniería", 1, Outcome::kWinner}, 9}, {{"Ingeniería", 3, Outcome::kWinner}, 2},
      {{"Agronomía", 2, Outcome::kWinner}, 3},  {{"Ingeniería", 1, Outcome::kLoser}, 4},
      {{"Ingeniería", 3, Outcome::kLoser}, 2},  {{"Agronomía", 2, Outcome::kLoser}, 3}};
  EXPECT_EQ(this->counts(), expected);
  EXPECT_EQ(this->position(this->kWinners0), 15);
  EXPECT_EQ(this->position(this->kLosers0), 10);
  EXPECT_EQ(this->position(this->kWinners1), 0);
  EXPECT_EQ(this->read().not_counted.repeated, 2);
}

TYPED_TEST_P(ScoreBookContract, ACommitFromAnotherPositionChangesNothingAndReturnsThePosition) {
  ASSERT_TRUE(this->commit(this->range(this->kWinners0, 0, 10)).is_applied);
  const auto before = this->counts();
  for (const auto& [first, next] : {std::pair<std::int64_t, std::int64_t>(0, 10),
                                    {0, 20},
                                    {9, 12},
                                    {11, 12},
                                    {1000, 2000},
                                    {-1, 10}}) {
    const CommitOutcome outcome = this->commit(this->range(this->kWinners0, first, next, 1));
    EXPECT_FALSE(outcome.is_applied) << first;
    EXPECT_EQ(outcome.position, 10) << first;
  }
  EXPECT_FALSE(this->commit(this->range(this->kWinners1, 5, 6)).is_applied);
  EXPECT_EQ(this->counts(), before);
  EXPECT_EQ(this->read().not_counted.repeated, 0);
  EXPECT_EQ(this->position(this->kWinners0), 10);
  EXPECT_EQ(this->position(this->kWinners1), 0);
}

TYPED_TEST_P(ScoreBookContract, TheSameCommitTwiceAppliesOnce) {
  const ScoreCommit commit = this->range(this->kLosers0, 0, 7, 2);
  EXPECT_TRUE(this->commit(commit).is_applied);
  const CommitOutcome again = this->commit(commit);
  EXPECT_FALSE(again.is_applied);
  EXPECT_EQ(again.position, 7) << "the caller sees by this that it was applied";
  EXPECT_EQ(this->read().total(), 5);
  EXPECT_EQ(this->read().not_counted.repeated, 2);
}

TYPED_TEST_P(ScoreBookContract, ACommitOfRepeatsAloneMovesThePosition) {
  EXPECT_TRUE(this->commit(this->range(this->kWinners0, 0, 3, 3)).is_applied);
  EXPECT_EQ(this->position(this->kWinners0), 3);
  EXPECT_EQ(this->read().total(), 0);
  EXPECT_EQ(this->read().not_counted.repeated, 3);
}

TYPED_TEST_P(ScoreBookContract, RecordsThatDoNotCountHaveCountsOfTheirOwn) {
  ScoreCommit commit = this->range(this->kWinners0, 0, 10, 5);
  commit.not_counted = {.repeated = 2, .not_in_time = 2, .after_end = 1};
  EXPECT_TRUE(this->commit(commit).is_applied);
  EXPECT_EQ(this->read().not_counted, commit.not_counted);
  EXPECT_EQ(this->read().records(), 10);
}

TYPED_TEST_P(ScoreBookContract, APartitionOfAnotherIncarnationIsNotCounted) {
  ASSERT_TRUE(this->commit(this->range(this->kWinners0, 0, 10)).is_applied);
  for (const auto& [first, next] : {std::pair(0, 4), std::pair(10, 14)}) {
    ScoreCommit anew = this->range(this->kWinners0, first, next);
    anew.before.incarnation = anew.after.incarnation = test::numbered_id(99);
    const CommitOutcome outcome = this->commit(anew);
    EXPECT_FALSE(outcome.is_applied);
    EXPECT_EQ(outcome.position, 10);
  }
  ASSERT_NE(this->read().find(this->kWinners0), nullptr);
  EXPECT_EQ(this->read().find(this->kWinners0)->incarnation, this->incarnation(Outcome::kWinner));
  EXPECT_EQ(this->position(this->kWinners0), 10);
  EXPECT_EQ(this->read().total(), 10);
}

TYPED_TEST_P(ScoreBookContract, ACommitOnAnotherChainChangesNothing) {
  ASSERT_TRUE(this->commit(this->range(this->kWinners0, 0, 10)).is_applied);
  for (const bool is_last_wrong : {false, true}) {
    ScoreCommit other = this->range(this->kWinners0, 10, 14);
    (is_last_wrong ? other.before.chain.all : other.before.chain.before_last) ^= 1;
    const CommitOutcome outcome = this->commit(other);
    EXPECT_FALSE(outcome.is_applied);
    EXPECT_EQ(outcome.position, 10);
  }
  EXPECT_EQ(this->read().total(), 10);
  ASSERT_NE(this->read().find(this->kWinners0), nullptr);
  EXPECT_EQ(*this->read().find(this->kWinners0), this->state_at(this->kWinners0, 10));
  EXPECT_TRUE(this->commit(this->range(this->kWinners0, 10, 14)).is_applied);
}

TYPED_TEST_P(ScoreBookContract, AStateComesBackExactlyAfterReopening) {
  for (const auto end_mark : {std::optional<std::int64_t>(), std::optional<std::int64_t>(0)}) {
    ScoreCommit commit = this->range(this->kLosers0, 0, 3);
    if (end_mark) commit = this->range(this->kWinners0, 0, 3);
    commit.after.chain = {.before_last = 1, .all = 0xFEDC'BA98'7654'3210U};
    commit.after.end_mark = end_mark;
    ASSERT_TRUE(this->commit(commit).is_applied);
    this->reopen(this->contest_);
    ASSERT_NE(this->read().find(commit.partition), nullptr);
    EXPECT_EQ(*this->read().find(commit.partition), commit.after);
    // And it can be counted on.
    ScoreCommit next = this->range(commit.partition, 3, 4);
    next.before = commit.after;
    next.after.end_mark = end_mark;
    EXPECT_TRUE(this->commit(next).is_applied);
  }
}

TYPED_TEST_P(ScoreBookContract, ACommitThatDoesNotKnowTheEndMarkChangesNothing) {
  ScoreCommit commit = this->range(this->kWinners0, 0, 10);
  commit.after.end_mark = 9;
  ASSERT_TRUE(this->commit(commit).is_applied);
  EXPECT_FALSE(this->commit(this->range(this->kWinners0, 10, 14)).is_applied);
  EXPECT_EQ(this->read().total(), 10);
}

TYPED_TEST_P(ScoreBookContract, LargeNumbersAreKeptExactly) {
  constexpr std::int64_t kFar = std::int64_t{1} << 53;
  EXPECT_TRUE(this->commit(this->range(this->kWinners0, 0, kFar + 1)).is_applied);
  EXPECT_TRUE(this->commit(this->range(this->kWinners0, kFar + 1, kFar + 3)).is_applied);
  EXPECT_EQ(this->position(this->kWinners0), kFar + 3);
  EXPECT_EQ(this->read().total(), kFar + 3);
}

TYPED_TEST_P(ScoreBookContract, CountsAndPositionsComeBackTogetherAfterReopening) {
  ASSERT_TRUE(this->commit(this->range(this->kWinners0, 0, 10, 1)).is_applied);
  ASSERT_TRUE(this->commit(this->range(this->kLosers0, 0, 5)).is_applied);
  const auto before = this->counts();
  for (int i = 0; i < 2; ++i) {
    this->reopen(this->contest_);
    EXPECT_EQ(this->counts(), before);
    EXPECT_EQ(this->read().not_counted.repeated, 1);
    EXPECT_EQ(this->position(this->kWinners0), 10);
    EXPECT_EQ(this->position(this->kLosers0), 5);
  }
  EXPECT_FALSE(this->commit(this->range(this->kLosers0, 0, 5)).is_applied);
  EXPECT_TRUE(this->commit(this->range(this->kLosers0, 5, 6)).is_applied);
}

TYPED_TEST_P(ScoreBookContract, AFacultyThatTheContestNoLongerHasKeepsItsCounts) {
  ScoreCommit commit = this->range(this->kWinners0, 0, 7);
  commit.deltas = {{.faculty = 0, .discipline = 0, .count = 3},
                   {.faculty = 1, .discipline = 2, .count = 4}};
  ASSERT_TRUE(this->commit(commit).is_applied);
  const auto smaller = Contest::from_toml(
      "[[faculty]]\nname = \"Química: 1/2 \\\"x\\\"\"\n[[faculty]]\nname = \"Agronomía\"\n"
      "[[discipline]]\nid = 30\nname = \"Remo\"\n",
      "test");
  ASSERT_TRUE(smaller);
  this->reopen(*smaller);
  commit = this->range(this->kWinners0, 7, 12);
  commit.deltas = {{.faculty = 0, .discipline = 0, .count = 2},
                   {.faculty = 1, .discipline = 0, .count = 3}};
  ASSERT_TRUE(this->commit(commit).is_applied);
  const typename TestFixture::Counts expected = {{{"Ingeniería", 1, Outcome::kWinner}, 3},
                                                 {{"Agronomía", 3, Outcome::kWinner}, 4},
                                                 {{"Química: 1/2 \"x\"", 30, Outcome::kWinner}, 2},
                                                 {{"Agronomía", 30, Outcome::kWinner}, 3}};
  EXPECT_EQ(this->counts(), expected);
  this->reopen(*smaller);
  EXPECT_EQ(this->counts(), expected);
}

TYPED_TEST_P(ScoreBookContract, RacingCommittersOfOnePartitionApplyEachRangeOnce) {
  static constexpr std::int64_t kEnd = 600;
  std::atomic<std::int64_t> applied = 0;
  std::atomic<int> is_wrong = 0;
  std::vector<std::jthread> committers;
  for (std::int64_t step : {1, 2, 3, 7}) {
    committers.emplace_back([&, step] {
      // Each committer acts as if alone, in its own steps.
      std::int64_t at = 0;
      while (at < kEnd) {
        const std::int64_t next = std::min(at + step, kEnd);
        const auto outcome = this->book().commit(this->range(this->kWinners0, at, next));
        if (!outcome || (outcome->is_applied && outcome->position != next) ||
            (!outcome->is_applied && outcome->position <= at)) {
          ++is_wrong;
          return;
        }
        if (outcome->is_applied) applied += next - at;
        at = outcome->position;
      }
    });
  }
  committers.clear();
  EXPECT_EQ(is_wrong, 0);
  EXPECT_EQ(applied, kEnd);
  EXPECT_EQ(this->read().total(), kEnd);
  EXPECT_EQ(this->position(this->kWinners0), kEnd);
}

TYPED_TEST_P(ScoreBookContract, ReadersSeeCountsAndPositionsOfOneMoment) {
  static constexpr std::int64_t kEnd = 400;
  std::vector<std::jthread> committers;
  for (const PartitionId partition : {this->kWinners0, this->kWinners1, this->kLosers0}) {
    committers.emplace_back([this, partition] {
      for (std::int64_t at = 0; at < kEnd; ++at) {
        if (!this->book().commit(this->range(partition, at, at + 1))) return;
      }
    });
  }
  std::int64_t seen = 0;
  while (seen < 3 * kEnd) {
    const auto score = this->book().read();
    ASSERT_TRUE(score) << score.error().message();
    ASSERT_EQ(score->total(), this->positions_sum(*score));
    ASSERT_GE(score->total(), seen);
    seen = score->total();
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    ScoreBookContract, ANewBookIsEmpty, ACommitAddsItsDeltasAndMovesThePosition,
    ACommitFromAnotherPositionChangesNothingAndReturnsThePosition, TheSameCommitTwiceAppliesOnce,
    ACommitOfRepeatsAloneMovesThePosition, RecordsThatDoNotCountHaveCountsOfTheirOwn,
    APartitionOfAnotherIncarnationIsNotCounted, ACommitOnAnotherChainChangesNothing,
    AStateComesBackExactlyAfterReopening, ACommitThatDoesNotKnowTheEndMarkChangesNothing,
    LargeNumbersAreKeptExactly, CountsAndPositionsComeBackTogetherAfterReopening,
    AFacultyThatTheContestNoLongerHasKeepsItsCounts,
    RacingCommittersOfOnePartitionApplyEachRangeOnce, ReadersSeeCountsAndPositionsOfOneMoment);

}  // namespace estadio
