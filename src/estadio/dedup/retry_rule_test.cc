#include "estadio/dedup/retry_rule.h"

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "estadio/contest/test_world.h"
#include "estadio/dedup/judge_clocks.h"

namespace estadio {
namespace {

constexpr std::int64_t kNowMs = test::TestClock::kStartMs;
constexpr RetryRule kRule(std::chrono::minutes(10));

TEST(RetryRuleTest, EachCheckHasMoreRoomThanTheOneBefore) {
  const auto edge = kRule.at_edge(kNowMs, kNowMs);
  const auto judge = kRule.at_judge(kNowMs);
  const auto log = kRule.in_log(kNowMs);
  EXPECT_EQ(edge.oldest_ms, kNowMs - 600'000);
  EXPECT_EQ(edge.newest_ms, kNowMs + 30'000);
  EXPECT_EQ(judge.oldest_ms, kNowMs - 660'000);
  EXPECT_EQ(judge.newest_ms, kNowMs + 45'000);
  EXPECT_EQ(log.oldest_ms, kNowMs - 720'000);
  EXPECT_EQ(log.newest_ms, kNowMs + 60'000);
}

TEST(RetryRuleTest, TheEdgeTakesOnlyIdsThatEveryJudgeTakes) {
  const std::int64_t earliest_ms = kNowMs - 25'000;
  const std::int64_t latest_ms = kNowMs + 25'000;
  const auto edge = kRule.at_edge(earliest_ms, latest_ms);
  for (const std::int64_t time_ms : {edge.oldest_ms, edge.newest_ms}) {
    EXPECT_TRUE(edge.contains(time_ms));
    EXPECT_TRUE(kRule.at_judge(earliest_ms).contains(time_ms));
    EXPECT_TRUE(kRule.at_judge(latest_ms).contains(time_ms));
  }
  EXPECT_FALSE(edge.contains(edge.oldest_ms - 1));
  EXPECT_FALSE(edge.contains(edge.newest_ms + 1));
}

TEST(RetryRuleTest, AnIdOfAnotherVersionIsNeverRefusedForItsTime) {
  const JudgeTimes times{.earliest_ms = kNowMs, .latest_ms = kNowMs, .rule = kRule};
  base::UuidGenerator ids;
  EXPECT_FALSE(why_refused(test::numbered_id(1), times));
  EXPECT_FALSE(why_refused(ids.next(kNowMs), times));
  EXPECT_TRUE(why_refused(ids.next(kNowMs - 600'001), times));
  EXPECT_TRUE(why_refused(ids.next(kNowMs + 30'001), times));
}

}  // namespace
}  // namespace estadio
