#include "estadio/load/schedule.h"

#include <gtest/gtest.h>

namespace estadio::load {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ScheduleTest, PlansExactlyTheRateTimesTheDuration) {
  for (const std::int64_t rate : {1, 3, 7, 999, 10'000, 333'333, 100'000'000}) {
    const Schedule schedule({.rate = rate, .duration = seconds(3)});
    EXPECT_EQ(schedule.planned(), rate * 3) << rate;
    EXPECT_EQ(schedule.intended(0), nanoseconds(0));
    EXPECT_LT(schedule.intended(schedule.planned() - 1), seconds(3));
    EXPECT_EQ(schedule.intended(schedule.planned()), seconds(3));
  }
}

TEST(ScheduleTest, APartOfASecondCountsForItsPart) {
  EXPECT_EQ(Schedule({.rate = 10'000, .duration = milliseconds(2500)}).planned(), 25'000);
  EXPECT_EQ(Schedule({.rate = 10, .duration = milliseconds(50)}).planned(), 1);
  EXPECT_EQ(Schedule({.rate = 10, .duration = milliseconds(101)}).planned(), 2);
}

TEST(ScheduleTest, DoesNotDriftInADayAtTheGreatestRate) {
  const Schedule schedule({.rate = Schedule::kRateMax, .duration = hours(24)});
  EXPECT_EQ(schedule.planned(), Schedule::kRateMax * 86'400);
  EXPECT_EQ(schedule.intended(Schedule::kRateMax * 86'399), seconds(86'399));
}

TEST(ScheduleTest, TheRateOfBatchesCountsEntries) {
  const Schedule schedule({.rate = 10'000, .batch = 1000, .duration = seconds(2)});
  EXPECT_EQ(schedule.planned(), 20);
  EXPECT_EQ(schedule.intended(1), milliseconds(100));
}

TEST(ScheduleTest, ThreadsShareTheRequestsAndNoneIsLostOrDouble) {
  const Schedule whole({.rate = 1001, .batch = 3, .duration = seconds(1)});
  std::int64_t planned = 0;
  for (std::int64_t thread = 0; thread < 4; ++thread) {
    const Schedule part(
        {.rate = 1001, .batch = 3, .duration = seconds(1), .thread = thread, .threads = 4});
    planned += part.planned();
    for (std::int64_t i = 0; i < part.planned(); ++i) {
      ASSERT_EQ(part.intended(i), whole.intended(i * 4 + thread));
    }
  }
  EXPECT_EQ(planned, whole.planned());
}

TEST(ScheduleTest, TheDueCountGrowsWithTheTime) {
  const Schedule schedule({.rate = 1000, .duration = seconds(1)});
  EXPECT_EQ(schedule.due_within(nanoseconds(-1)), 0);
  EXPECT_EQ(schedule.due_within(nanoseconds(0)), 0);
  EXPECT_EQ(schedule.due_within(nanoseconds(1)), 1);
  EXPECT_EQ(schedule.due_within(milliseconds(1)), 1);
  EXPECT_EQ(schedule.due_within(milliseconds(1) + nanoseconds(1)), 2);
}

}  // namespace
}  // namespace estadio::load
