// Which ids a record may have, by the id's time and the record's. The rule needs no clock that is
// right: it compares two times that are in the log.
//
//   id's time                                 the judge's clock
//   -----|--------- window ----------|-- ahead --|----->
//        oldest                                newest
//
// Three places check an id of version 7, each with one minute and a quarter more room than the one
// before. So an id that passes the first check passes the others, although it travels meanwhile.
//
//   the edge    `window`, and 30 s ahead    by the judges' clocks, as the edge knows them
//   the judge   1 min more, and 45 s        by its own clock, which is the record's time
//   the log     2 min more, and 60 s        by the record's time: the id is "in time"
//
// A record whose id is not in time never counts. No judge writes one.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>

namespace estadio {

class RetryRule {
 public:
  static constexpr std::chrono::milliseconds kWindowDefault = std::chrono::minutes(10);
  static constexpr std::chrono::milliseconds kWindowMax = std::chrono::hours(168);

  // The times that an id may have, both included. In ms since 1970.
  struct IdTimes {
    std::int64_t oldest_ms = 0;
    std::int64_t newest_ms = 0;

    [[nodiscard]] bool contains(std::int64_t time_ms) const {
      return time_ms >= oldest_ms && time_ms <= newest_ms;
    }
  };

  explicit constexpr RetryRule(std::chrono::milliseconds window) : window_ms_(window.count()) {}

  [[nodiscard]] constexpr std::int64_t window_ms() const { return window_ms_; }

  // For the edge. The judges' clocks show `earliest_ms` to `latest_ms`.
  [[nodiscard]] constexpr IdTimes at_edge(std::int64_t earliest_ms, std::int64_t latest_ms) const {
    return {.oldest_ms = latest_ms - window_ms_, .newest_ms = earliest_ms + kAheadMs};
  }
  // For the judge, whose clock shows `now_ms`.
  [[nodiscard]] constexpr IdTimes at_judge(std::int64_t now_ms) const {
    return {.oldest_ms = now_ms - window_ms_ - kDelayMs,
            .newest_ms = now_ms + kAheadMs + kAheadMs / 2};
  }
  // For the log: the ids that are in time in a record of `record_ms`.
  [[nodiscard]] constexpr IdTimes in_log(std::int64_t record_ms) const {
    return {.oldest_ms = record_ms - window_ms_ - 2 * kDelayMs,
            .newest_ms = record_ms + 2 * kAheadMs};
  }

  friend constexpr bool operator==(const RetryRule&, const RetryRule&) = default;

 private:
  static constexpr std::int64_t kAheadMs = 30'000;
  static constexpr std::int64_t kDelayMs = 60'000;

  std::int64_t window_ms_;
};

}  // namespace estadio
