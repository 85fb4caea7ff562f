#include "estadio/faculty/edge_stats.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace estadio {
namespace {

using std::chrono::milliseconds;

TEST(EdgeStatsTest, CountsAcceptedRepeatedAndRejected) {
  EdgeStats edge_stats;
  const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(1), milliseconds(2)};
  edge_stats.accepted(latencies, {.entries = 100, .repeated = 3, .with_other_ids = 7});
  edge_stats.accepted(latencies, {.entries = 50, .with_other_ids = 1});
  edge_stats.rejected();
  EXPECT_EQ(edge_stats.totals().accepted_entries, 150U);
  EXPECT_EQ(edge_stats.totals().repeated_entries, 3U);
  EXPECT_EQ(edge_stats.totals().entries_with_other_ids, 8U);
  EXPECT_EQ(edge_stats.totals().rejected_requests, 1U);
  EXPECT_EQ(edge_stats.latencies().count(), 4U);
}

TEST(EdgeStatsTest, RecentLatenciesAreThoseSinceTheLastCall) {
  EdgeStats edge_stats;
  const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(5)};
  edge_stats.accepted(latencies, {.entries = 1});
  EXPECT_EQ(edge_stats.take_recent_latencies().count(), 1U);
  EXPECT_EQ(edge_stats.take_recent_latencies().count(), 0U);
  edge_stats.accepted(latencies, {.entries = 1});
  EXPECT_EQ(edge_stats.take_recent_latencies().count(), 1U);
  EXPECT_EQ(edge_stats.latencies().count(), 2U);
}

TEST(EdgeStatsTest, LosesNothingAmongThreads) {
  EdgeStats edge_stats;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&edge_stats] {
      const std::vector<std::chrono::nanoseconds> latencies = {milliseconds(1)};
      for (int j = 0; j < 500; ++j) {
        edge_stats.accepted(latencies, {.entries = 2, .repeated = 1});
        edge_stats.rejected();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(edge_stats.totals().accepted_entries, 4000U);
  EXPECT_EQ(edge_stats.totals().repeated_entries, 2000U);
  EXPECT_EQ(edge_stats.totals().rejected_requests, 2000U);
  EXPECT_EQ(edge_stats.latencies().count(), 2000U);
}

}  // namespace
}  // namespace estadio
