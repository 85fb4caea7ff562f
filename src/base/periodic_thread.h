// A thread that calls one function again and again, with a pause between two calls.
//
// Threads: construction and destruction belong to the owner's thread. The function runs in a thread
// of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <stop_token>
#include <thread>

namespace base {

class PeriodicThread {
 public:
  // Returns the pause until the next call.
  using Work = std::function<std::chrono::nanoseconds()>;

  // Starts the thread. It calls `work` at once.
  explicit PeriodicThread(Work work);

  // Ends a pause at once. Waits for a call that has begun.
  ~PeriodicThread();

 private:
  void run(const std::stop_token& stop);

  const Work work_;
  std::condition_variable_any pause_;
  std::jthread thread_;  // last: it uses the other members
};

}  // namespace base
