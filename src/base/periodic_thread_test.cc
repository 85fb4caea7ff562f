#include "base/periodic_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>

namespace base {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST(PeriodicThread, CallsAgainAfterThePauseThatTheLastCallReturned) {
  std::latch called_three_times(3);
  int calls = 0;
  const PeriodicThread thread([&]() -> nanoseconds {
    ++calls;
    if (calls <= 3) called_three_times.count_down();
    return calls < 3 ? nanoseconds(0) : hours(1);
  });
  called_three_times.wait();
}

TEST(PeriodicThread, EndsALongPauseAtOnce) {
  std::promise<void> called;
  std::optional<PeriodicThread> thread;
  thread.emplace([&]() -> nanoseconds {
    called.set_value();
    return hours(1);
  });
  called.get_future().wait();
  thread.reset();
}

TEST(PeriodicThread, WaitsForTheCallThatHasBegun) {
  std::promise<void> begun;
  std::promise<void> may_end;
  std::atomic<bool> has_ended{false};
  std::optional<PeriodicThread> thread;
  thread.emplace([&]() -> nanoseconds {
    begun.set_value();
    may_end.get_future().wait();
    has_ended = true;
    return hours(1);
  });
  begun.get_future().wait();
  const auto releaser = std::async(std::launch::async, [&] { may_end.set_value(); });
  thread.reset();
  EXPECT_TRUE(has_ended);
}

}  // namespace
}  // namespace base
