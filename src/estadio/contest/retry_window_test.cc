#include "estadio/contest/retry_window.h"

#include <gtest/gtest.h>

namespace estadio {
namespace {

TEST(RetryWindowTest, IsUnknownUntilEveryReaderHasReportedItsOwn) {
  RetryWindow window(600'000, 2);
  EXPECT_EQ(window.in_force_ms(), std::nullopt);
  window.set(1, 600'000);
  EXPECT_EQ(window.in_force_ms(), std::nullopt);
  window.set(0, 20'000);
  EXPECT_EQ(window.in_force_ms(), 20'000);
}

TEST(RetryWindowTest, IsTheConfiguredOneUntilAReaderReportsLess) {
  RetryWindow window(600'000, 3);
  for (const std::size_t reader : {0U, 1U, 2U}) window.set(reader, 600'000);
  EXPECT_EQ(window.configured_ms(), 600'000);
  EXPECT_EQ(window.in_force_ms(), 600'000);
  window.set(1, 30'000);
  EXPECT_EQ(window.in_force_ms(), 30'000);
  window.set(2, 20'000);
  window.set(1, 600'000);
  EXPECT_EQ(window.in_force_ms(), 20'000);
  window.set(2, 600'000);
  EXPECT_EQ(window.in_force_ms(), 600'000);
}

TEST(RetryWindowTest, IsNeverMoreThanConfigured) {
  RetryWindow window(600'000, 1);
  window.set(0, 900'000);
  EXPECT_EQ(window.in_force_ms(), 600'000);
}

TEST(RetryWindowTest, RetentionAddsTheClockSkewAndTheDelayToTheLog) {
  const RetryWindow window(600'000, 1);
  EXPECT_EQ(window.retention_ms(), 600'000 + RetryWindow::kClockSkewMs + RetryWindow::kLogDelayMs);
}

}  // namespace
}  // namespace estadio
