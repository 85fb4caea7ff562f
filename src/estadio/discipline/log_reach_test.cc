#include "estadio/discipline/log_reach.h"

#include <gtest/gtest.h>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr std::int64_t kWindowMs = 600'000;

class LogReachTest : public testing::Test {
 protected:
  // Adds a record every `every_ms` up to now.
  void fill(PartitionId partition, int records, std::int64_t every_ms) {
    for (int i = 0; i < records; ++i) {
      const auto age_ms = (records - i) * every_ms;
      events_.add(partition, "a result", clock_.wall_ms() - age_ms);
    }
  }
  std::int64_t updated(std::size_t capacity) {
    LogReach reach(events_, {.capacity = capacity}, window_, clock_);
    EXPECT_TRUE(reach.update());
    return window_.in_force_ms().value_or(-1);
  }

  test::TestClock clock_;
  test::MemoryLog events_{1};
  RetryWindow window_{kWindowMs, 2};
};

TEST_F(LogReachTest, TheWindowIsUnknownBeforeTheLogIsRead) { EXPECT_FALSE(window_.in_force_ms()); }

TEST_F(LogReachTest, AnEmptyLogReachesTheConfiguredWindow) { EXPECT_EQ(updated(1000), kWindowMs); }

TEST_F(LogReachTest, ManyOldRecordsDoNotShortenTheReach) {
  fill(kWinners0, 5000, kWindowMs);
  EXPECT_EQ(updated(1000), kWindowMs);
}

TEST_F(LogReachTest, MoreRecordsThanAreRememberedShortenTheReach) {
  fill(kWinners0, 10'000, 10);  // 100 seconds of them
  const std::int64_t reach_ms = updated(4000);
  EXPECT_LE(reach_ms, 30'000);  // three quarters of 4000, at 10 ms each
  EXPECT_GE(reach_ms, 29'000);
}

TEST_F(LogReachTest, TheBusiestPartitionDecides) {
  fill(kWinners0, 10, 10);
  fill({.topic = Outcome::kLoser, .number = 0}, 100'000, 1);
  EXPECT_LE(updated(4000), 3000);
}

TEST_F(LogReachTest, AContestOfASingleBurstReachesAsFarAsTheBurstIsRemembered) {
  fill(kWinners0, 36'000, 1);
  const std::int64_t reach_ms = updated(40'000);
  EXPECT_LE(reach_ms, 30'000);
  EXPECT_GE(reach_ms, 29'000);
}

TEST_F(LogReachTest, ABurstWithinAMillisecondLeavesNoReach) {
  for (int i = 0; i < 5000; ++i) events_.add(kWinners0, "a result", clock_.wall_ms());
  EXPECT_EQ(updated(4000), 0);
}

}  // namespace
}  // namespace estadio
