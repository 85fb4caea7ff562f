// The clock, handed in so that tests can set the time.
//
// wall_ms() is for people and records; it may jump. mono() is for durations; it never goes back.
// boot() also goes on while the machine sleeps: it is for promises to other machines.
//
// Threads: all methods may be called from any thread.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace base {

using Nanos = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since 1970-01-01T00:00:00Z.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
  // Nanoseconds since an arbitrary start.
  [[nodiscard]] virtual Nanos mono() const = 0;
  // Nanoseconds since an arbitrary start, with the time in which the machine slept. Clocks of tests
  // do not sleep.
  [[nodiscard]] virtual Nanos boot() const { return mono(); }
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  [[nodiscard]] Nanos mono() const override {
    return std::chrono::duration_cast<Nanos>(std::chrono::steady_clock::now().time_since_epoch());
  }
  [[nodiscard]] Nanos boot() const override {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + Nanos(now.tv_nsec);
  }
};

}  // namespace base
