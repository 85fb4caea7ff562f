// One thread's loop over epoll: sockets, timers and functions posted from other threads.
//
// A round waits, calls the watchers whose sockets are ready, runs the posted tasks, fires the
// timers that are due, then calls the end-of-round hooks. A hook passes on in one piece what the
// round gathered: a batch for the judge, or the answers of each connection. While hold_until()
// holds the loop, a round runs only posted tasks and the hooks.
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
  // The owner of a file descriptor. A watcher must live until remove(). It may be destroyed
  // inside its own on_ready(), after remove().
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // `events` is a set of EPOLLIN, EPOLLOUT, EPOLLHUP and so on. Called in the loop's thread.
    virtual void on_ready(std::uint32_t events) = 0;
  };

  using Task = std::function<void()>;

  explicit EventLoop(const base::Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches `fd`, level triggered. `watcher` must live until remove(). Errors: the system's.
  [[nodiscard]] base::Result<void> add(int fd, std::uint32_t events, Watcher& watcher);
  // REQUIRES: add() of `fd` and `watcher` succeeded.
  void modify(int fd, std::uint32_t events, Watcher& watcher);
  // Stops watching. `watcher` gets no more events, not even those that are left of this round.
  // REQUIRES: add() of `fd` and `watcher` succeeded.
  void remove(int fd, Watcher& watcher);

  // Runs `task` in the loop's thread, in the order of posting. After run() has returned, posted
  // tasks are never run.
  void post(Task task);

  // Runs `task` once, in the first round whose now() is at or after `when`.
  void at(base::Nanos when, Task task);

  // Calls `hook` at the end of every round, in the order of these calls.
  void at_end_of_round(Task hook) { hooks_.push_back(std::move(hook)); }

  // Holds watchers and timers back until `when` (the clock's mono()), so that one round handles the
  // events of that time. Posted tasks still run, each time followed by the hooks. 0 ends a hold.
  void hold_until(base::Nanos when) { held_until_ = when; }

  // Runs rounds in the calling thread until stop().
  void run();
  // Posts the end of run(). run() returns at the end of the round that runs this task. In a hold it
  // returns one round later.
  void stop();

  // The clock's mono() when this round's wait ended.
  [[nodiscard]] base::Nanos now() const { return now_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }

 private:
  struct Timer {
    base::Nanos when;
    std::uint64_t order;  // timers of one instant fire in the order of at()
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
  bool is_woken_ = false;  // this round has posted tasks

  std::mutex mutex_;
  std::vector<Task> posted_;   // guarded by mutex_
  std::vector<Task> running_;  // being run; a member to keep its memory
  std::atomic<bool> stopping_ = false;
};

}  // namespace net
