#include "estadio/contest/vitals.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace estadio {
namespace {

using std::chrono::milliseconds;

TEST(VitalsTest, CountsWhatWasAcceptedRepeatedAndRejected) {
  Vitals vitals;
  const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(1), milliseconds(2)};
  vitals.accepted(latencies, 100, 3);
  vitals.accepted(latencies, 50, 0);
  vitals.rejected();
  EXPECT_EQ(vitals.totals().accepted_entries, 150U);
  EXPECT_EQ(vitals.totals().repeated_entries, 3U);
  EXPECT_EQ(vitals.totals().rejected_requests, 1U);
  EXPECT_EQ(vitals.latencies().count(), 4U);
}

TEST(VitalsTest, RecentLatenciesAreThoseSinceTheLastLook) {
  Vitals vitals;
  const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(5)};
  vitals.accepted(latencies, 1, 0);
  EXPECT_EQ(vitals.take_recent_latencies().count(), 1U);
  EXPECT_EQ(vitals.take_recent_latencies().count(), 0U);
  vitals.accepted(latencies, 1, 0);
  EXPECT_EQ(vitals.take_recent_latencies().count(), 1U);
  EXPECT_EQ(vitals.latencies().count(), 2U);
}

TEST(VitalsTest, LosesNothingAmongThreads) {
  Vitals vitals;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&vitals] {
      const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(1)};
      for (int j = 0; j < 500; ++j) {
        vitals.accepted(latencies, 2, 1);
        vitals.rejected();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(vitals.totals().accepted_entries, 4000U);
  EXPECT_EQ(vitals.totals().repeated_entries, 2000U);
  EXPECT_EQ(vitals.totals().rejected_requests, 2000U);
  EXPECT_EQ(vitals.latencies().count(), 2000U);
}

}  // namespace
}  // namespace estadio
