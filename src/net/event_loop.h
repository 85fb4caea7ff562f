// One thread's loop over epoll: sockets, timers and functions posted from other threads.
//
// A round is: wait, call the watchers of what is ready, run what was posted, fire timers that are
// due, then call the end-of-round hooks. The hooks are where work gathered during the round is
// handed on in one piece (a batch to judge, the answers to write). In a held loop (hold_until())
// rounds have but what was posted, and the hooks.
//
// Threads: post() and stop() may be called from any thread; everything else belongs to the thread
// inside run(), or to the constructing thread before run() starts.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace net {

class EventLoop {
 public:
  // Something with a file descriptor. Must stay alive until after remove(), and may be destroyed
  // inside its own on_ready().
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // `events` are EPOLLIN, EPOLLOUT, EPOLLHUP and so on.
    virtual void on_ready(std::uint32_t events) = 0;
  };

  using Task = std::function<void()>;

  explicit EventLoop(const base::Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches `fd`, level triggered. Errors: kInternal, when the system refuses.
  [[nodiscard]] base::Result<void> add(int fd, std::uint32_t events, Watcher& watcher);
  void modify(int fd, std::uint32_t events, Watcher& watcher);
  // Events of this round that are still to be delivered to `watcher` are dropped.
  void remove(int fd, Watcher& watcher);

  // Runs `task` in the loop's thread, in the order of posting. After run() has returned nothing
  // more is run.
  void post(Task task);

  // Runs `task` once, at `when` (on the clock's mono()) or as soon after as the round allows.
  void at(base::Nanos when, Task task);

  // Calls `hook` at the end of every round, for as long as the loop lives.
  void at_end_of_round(Task hook) { hooks_.push_back(std::move(hook)); }

  // The next round that looks at watchers and timers begins at `when` or later, so that what comes
  // until then is handled in one; what is posted is run meanwhile, each time with the hooks.
  void hold_until(base::Nanos when) { held_until_ = when; }

  // Returns after stop().
  void run();
  void stop();

  // The time at the start of this round.
  [[nodiscard]] base::Nanos now() const { return now_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }

 private:
  struct Timer {
    base::Nanos when;
    std::uint64_t order;  // timers of one instant fire as they were set
    Task task;
    bool operator>(const Timer& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  void run_posted_while_held();
  void wait();
  void call_watchers();
  void drain_wakeup();
  void run_posted();
  void run_timers();

  const base::Clock& clock_;
  base::UniqueFd epoll_;
  base::UniqueFd wakeup_;
  std::vector<epoll_event> ready_;
  std::size_t ready_count_ = 0;
  std::vector<Task> hooks_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t timer_order_ = 0;
  base::Nanos now_{};
  base::Nanos held_until_{};
  bool is_woken_ = false;  // something was posted

  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  std::vector<Task> running_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace net
