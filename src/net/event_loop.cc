#include "net/event_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace net {
namespace {

constexpr std::size_t kReadyMax = 512;

timespec to_timespec(base::Nanos time) {
  return {.tv_sec = time.count() / 1'000'000'000, .tv_nsec = time.count() % 1'000'000'000};
}

}  // namespace

EventLoop::EventLoop(const base::Clock& clock)
    : clock_(clock),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      ready_(kReadyMax),
      now_(clock.mono()) {
  CHECK(epoll_ && wakeup_);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) == 0);
}

EventLoop::~EventLoop() = default;

base::Result<void> EventLoop::add(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return base::fail(base::Error::from_errno("watching a socket", errno));
  }
  return {};
}

void EventLoop::modify(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::remove(int fd, Watcher& watcher) {
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
  for (std::size_t i = 0; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == &watcher) ready_[i].events = 0;
  }
}

void EventLoop::post(Task task) {
  bool was_empty = false;
  {
    const std::scoped_lock lock(mutex_);
    was_empty = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (was_empty) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
  }
}

void EventLoop::at(base::Nanos when, Task task) {
  timers_.push({.when = when, .order = timer_order_++, .task = std::move(task)});
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::run_posted() {
  {
    const std::scoped_lock lock(mutex_);
    std::swap(posted_, running_);
  }
  for (Task& task : running_) task();
  running_.clear();
}

void EventLoop::run_timers() {
  while (!timers_.empty() && timers_.top().when <= now_) {
    // top() is const. Moving the task out is safe: pop() follows.
    const Task task = std::move(const_cast<Timer&>(timers_.top()).task);
    timers_.pop();
    task();
  }
}

void EventLoop::run() {
  while (!stopping_) {
    run_posted_while_held();
    wait();
    call_watchers();
    if (std::exchange(is_woken_, false)) run_posted();
    run_timers();
    for (const Task& hook : hooks_) hook();
  }
}

void EventLoop::run_posted_while_held() {
  while (!stopping_ && held_until_.count() != 0) {
    const base::Nanos left = held_until_ - clock_.mono();
    if (left.count() <= 0) return;
    pollfd posted{.fd = wakeup_.get(), .events = POLLIN, .revents = 0};
    const timespec timeout = to_timespec(left);
    if (::ppoll(&posted, 1, &timeout, nullptr) <= 0) continue;
    now_ = clock_.mono();
    drain_wakeup();
    run_posted();
    for (const Task& hook : hooks_) hook();
  }
}

void EventLoop::wait() {
  timespec timeout{};
  if (!stopping_ && !timers_.empty()) {
    timeout = to_timespec(std::max(base::Nanos(0), timers_.top().when - clock_.mono()));
  }
  const bool is_bounded = stopping_ || !timers_.empty();
  const int count = epoll_pwait2(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()),
                                 is_bounded ? &timeout : nullptr, nullptr);
  CHECK(count >= 0 || errno == EINTR);
  now_ = clock_.mono();
  ready_count_ = count < 0 ? 0 : static_cast<std::size_t>(count);
}

void EventLoop::call_watchers() {
  for (std::size_t i = 0; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == nullptr) {
      drain_wakeup();
      is_woken_ = true;
    } else if (ready_[i].events != 0) {
      static_cast<Watcher*>(ready_[i].data.ptr)->on_ready(ready_[i].events);
    }
  }
  ready_count_ = 0;
}

void EventLoop::drain_wakeup() {
  std::uint64_t ignored;
  [[maybe_unused]] const auto drained = ::read(wakeup_.get(), &ignored, sizeof ignored);
}

}  // namespace net
