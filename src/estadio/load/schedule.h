// The intended times of a run's requests. They are spread evenly and do not depend on the server.
// Thread t of T has the requests t, t + T, ...
//
//   rate 4 entries/s, batch 1     0      250     500     750 ms
//   2 threads                     t0.0   t1.0    t0.1    t1.1
//
// All times are computed with integers, so a long run does not drift.
//
// Threads: immutable; may be shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace estadio::load {

class Schedule {
 public:
  static constexpr std::int64_t kRateMax = 100'000'000;

  struct Options {
    std::optional<std::int64_t> rate;  // entries a second of the whole run, 1 to kRateMax;
                                       // none: as fast as answers come
    std::int64_t batch = 1;            // entries a request
    std::chrono::nanoseconds duration{};
    std::int64_t thread = 0;
    std::int64_t threads = 1;
  };
  explicit Schedule(const Options& options) : options_(options) {}

  // Whether a connection sends its next request on each answer, not by the clock.
  [[nodiscard]] bool is_closed_loop() const { return !options_.rate; }
  [[nodiscard]] std::chrono::nanoseconds duration() const { return options_.duration; }

  // The number of this thread's requests in the whole run; the maximum in a closed loop.
  [[nodiscard]] std::int64_t planned() const { return due_within(options_.duration); }

  // The number of this thread's requests that are intended less than `elapsed` after the start.
  [[nodiscard]] std::int64_t due_within(std::chrono::nanoseconds elapsed) const {
    if (is_closed_loop()) return std::numeric_limits<std::int64_t>::max();
    const std::int64_t ns = elapsed.count() < 0 ? 0 : elapsed.count();
    const std::int64_t entries =
        ns / kSecond * *options_.rate + divide_up(ns % kSecond * *options_.rate, kSecond);
    const std::int64_t requests = divide_up(entries, options_.batch);
    if (requests <= options_.thread) return 0;
    return divide_up(requests - options_.thread, options_.threads);
  }

  // The intended time of this thread's request `index`, from 0, after the start of the run.
  // REQUIRES: not a closed loop.
  [[nodiscard]] std::chrono::nanoseconds intended(std::int64_t index) const {
    const std::int64_t entry = (index * options_.threads + options_.thread) * options_.batch;
    return std::chrono::nanoseconds(entry / *options_.rate * kSecond +
                                    entry % *options_.rate * kSecond / *options_.rate);
  }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;

  static constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
  }

  const Options options_;
};

}  // namespace estadio::load
