// The event loop: the order of timers, tasks from other threads, and watchers that are removed
// while the loop calls them.
#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <memory>
#include <thread>
#include <vector>

namespace net {
namespace {

using namespace std::chrono_literals;

class FunctionWatcher final : public EventLoop::Watcher {
 public:
  explicit FunctionWatcher(std::function<void(std::uint32_t)> function)
      : function_(std::move(function)) {}
  void on_ready(std::uint32_t events) override { function_(events); }

 private:
  std::function<void(std::uint32_t)> function_;
};

base::UniqueFd ready_event() { return base::UniqueFd(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)); }

class EventLoopTest : public testing::Test {
 protected:
  base::SystemClock clock_;
  EventLoop loop_{clock_};
  std::vector<int> order_;
};

TEST_F(EventLoopTest, TimersFireByTimeAndThenInTheOrderOfSetting) {
  const base::Nanos start = loop_.now();
  loop_.at(start + 3ms, [this] { order_.push_back(4); });
  loop_.at(start + 1ms, [this] { order_.push_back(1); });
  loop_.at(start + 2ms, [this] { order_.push_back(2); });
  loop_.at(start + 2ms, [this] { order_.push_back(3); });
  loop_.at(start + 4ms, [this] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(order_, (std::vector{1, 2, 3, 4}));
}

TEST_F(EventLoopTest, ATimerDoesNotFireBeforeItsTime) {
  const base::Nanos when = clock_.mono() + 5ms;
  base::Nanos fired{};
  loop_.at(when, [&] {
    fired = loop_.now();
    loop_.stop();
  });
  loop_.run();
  EXPECT_GE(fired, when);
}

TEST_F(EventLoopTest, ATimerOfThePastFiresInTheNextRound) {
  loop_.at(base::Nanos(0), [this] { loop_.stop(); });
  loop_.run();
}

TEST_F(EventLoopTest, ATimerMaySetAnother) {
  int left = 3;
  std::function<void()> again = [&] {
    if (--left == 0) return loop_.stop();
    loop_.at(loop_.now() + 1us, again);
  };
  loop_.at(loop_.now(), again);
  loop_.run();
  EXPECT_EQ(left, 0);
}

TEST_F(EventLoopTest, PostedTasksRunInTheLoopsThreadInOrder) {
  constexpr int kEach = 10'000;
  constexpr int kThreads = 4;
  const auto loop_thread = std::this_thread::get_id();
  std::vector<int> next(kThreads, 0);
  int done = 0;
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop_.post([&, t, i] {
          ASSERT_EQ(std::this_thread::get_id(), loop_thread);
          ASSERT_EQ(next[t]++, i);
          if (++done == kThreads * kEach) loop_.stop();
        });
      }
    });
  }
  loop_.run();
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

TEST_F(EventLoopTest, TasksPostedFromTheLoopRunInALaterRound) {
  int rounds = 0;
  loop_.at_end_of_round([&] { order_.push_back(++rounds); });
  loop_.post([this] {
    order_.push_back(100);
    loop_.post([this] {
      order_.push_back(200);
      loop_.stop();
    });
  });
  loop_.run();
  ASSERT_GE(order_.size(), 4U);
  EXPECT_EQ(order_[0], 100);
  EXPECT_EQ(order_[1], 1);
  EXPECT_EQ(order_[2], 200);
}

TEST_F(EventLoopTest, EveryRoundEndsWithItsHooksInOrder) {
  loop_.at_end_of_round([this] { order_.push_back(2); });
  loop_.at_end_of_round([this] { order_.push_back(3); });
  loop_.post([this] {
    order_.push_back(1);
    loop_.stop();
  });
  loop_.run();
  ASSERT_GE(order_.size(), 3U);
  EXPECT_EQ(order_[0], 1);
  EXPECT_EQ(order_[1], 2);
  EXPECT_EQ(order_[2], 3);
}

TEST_F(EventLoopTest, StopBeforeRunLetsRunReturn) {
  loop_.stop();
  loop_.run();
}

TEST_F(EventLoopTest, AWatcherIsCalledWhenItsFileIsReady) {
  const base::UniqueFd fd = ready_event();
  std::uint32_t heard = 0;
  FunctionWatcher watcher([&](std::uint32_t events) {
    heard = events;
    loop_.remove(fd.get(), watcher);
    loop_.stop();
  });
  ASSERT_TRUE(loop_.add(fd.get(), EPOLLIN, watcher));
  loop_.run();
  EXPECT_EQ(heard, EPOLLIN);
}

TEST_F(EventLoopTest, ModifyChangesTheEventsOfAWatcher) {
  const base::UniqueFd fd = ready_event();
  FunctionWatcher watcher([&](std::uint32_t events) {
    order_.push_back(static_cast<int>(events));
    if (events == EPOLLOUT) return loop_.stop();
    loop_.modify(fd.get(), EPOLLOUT, watcher);
  });
  ASSERT_TRUE(loop_.add(fd.get(), EPOLLIN, watcher));
  loop_.run();
  ASSERT_GE(order_.size(), 2U);
  EXPECT_EQ(order_[0], EPOLLIN);
  EXPECT_EQ(order_[1], EPOLLOUT);
}

TEST_F(EventLoopTest, AWatcherRemovedByAnotherOfTheSameRoundIsNotCalled) {
  // Both are ready in one round. The first one called removes the other.
  const base::UniqueFd fds[2] = {ready_event(), ready_event()};
  std::unique_ptr<FunctionWatcher> watchers[2];
  for (std::size_t i = 0; i < 2; ++i) {
    watchers[i] = std::make_unique<FunctionWatcher>([&, i](std::uint32_t) {
      order_.push_back(static_cast<int>(i));
      const std::size_t other = 1 - i;
      loop_.remove(fds[other].get(), *watchers[other]);
      watchers[other].reset();
      loop_.stop();
    });
    ASSERT_TRUE(loop_.add(fds[i].get(), EPOLLIN, *watchers[i]));
  }
  loop_.post([] {});
  loop_.run();
  EXPECT_GE(order_.size(), 1U);
  for (const int each : order_) EXPECT_EQ(each, order_[0]);
}

TEST_F(EventLoopTest, AWatcherMayDestroyItselfWhileItIsCalled) {
  const base::UniqueFd fd = ready_event();
  struct SelfDestroying final : EventLoop::Watcher {
    EventLoop* loop = nullptr;
    int fd = -1;
    void on_ready(std::uint32_t) override {
      loop->remove(fd, *this);
      loop->stop();
      delete this;
    }
  };
  auto watcher = std::make_unique<SelfDestroying>();
  watcher->loop = &loop_;
  watcher->fd = fd.get();
  ASSERT_TRUE(loop_.add(fd.get(), EPOLLIN, *watcher));
  static_cast<void>(watcher.release());
  loop_.run();
}

TEST_F(EventLoopTest, AHeldLoopRunsTasksAndHooksAndDelaysWatchersAndTimers) {
  const base::UniqueFd fd = ready_event();
  FunctionWatcher watcher([&](std::uint32_t) {
    order_.push_back(3);
    loop_.remove(fd.get(), watcher);
    loop_.stop();
  });
  ASSERT_TRUE(loop_.add(fd.get(), EPOLLIN, watcher));
  loop_.at(base::Nanos(0), [this] { order_.push_back(4); });
  loop_.at_end_of_round([this] { order_.push_back(2); });
  loop_.post([this] {
    order_.push_back(1);
    loop_.hold_until(clock_.mono());
  });
  loop_.hold_until(clock_.mono() + 1h);
  loop_.run();
  ASSERT_GE(order_.size(), 5U);
  order_.resize(5);
  EXPECT_EQ(order_, (std::vector{1, 2, 3, 4, 2}));
}

TEST_F(EventLoopTest, StopEndsAHeldLoop) {
  loop_.hold_until(clock_.mono() + 1h);
  const std::jthread stopper([this] { loop_.stop(); });
  loop_.run();
}

TEST_F(EventLoopTest, AFileThatCannotBeWatchedIsAnError) {
  FunctionWatcher watcher([](std::uint32_t) {});
  const auto added = loop_.add(-1, EPOLLIN, watcher);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), base::Code::kInternal);
}

TEST_F(EventLoopTest, TheTimeOfARoundComesFromTheClockThatWasHandedIn) {
  class HandClock final : public base::Clock {
   public:
    [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
    [[nodiscard]] base::Nanos mono() const override { return now; }
    base::Nanos now{7};
  } clock;
  EventLoop loop(clock);
  EXPECT_EQ(loop.now(), base::Nanos(7));
  clock.now = base::Nanos(8);
  loop.at(base::Nanos(8), [&] {
    EXPECT_EQ(loop.now(), base::Nanos(8));
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(&loop.clock(), &clock);
}

}  // namespace
}  // namespace net
