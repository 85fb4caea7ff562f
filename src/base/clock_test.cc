// The system's clock: the wall in milliseconds since 1970, and a time that never goes back.
#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace base {
namespace {

TEST(SystemClockTest, TheWallIsInMillisecondsSince1970) {
  const SystemClock clock;
  const auto before = static_cast<std::int64_t>(std::time(nullptr)) - 1;
  const std::int64_t now_ms = clock.wall_ms();
  const auto after = static_cast<std::int64_t>(std::time(nullptr)) + 1;
  EXPECT_GE(now_ms, before * 1000);
  EXPECT_LE(now_ms, (after + 1) * 1000);
}

TEST(SystemClockTest, MonoNeverGoesBack) {
  const SystemClock clock;
  Nanos last = clock.mono();
  for (int i = 0; i < 10'000; ++i) {
    const Nanos now = clock.mono();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace base
