// Which ids a record may have, by the id's time and the record's. An id of version 7 holds the time
// when it was made. An id of another version has no time, and the rule allows it.
//
//   -----+--------- window ---------+-- ahead --+----->  the id's time
//      oldest                   the clock    newest
//
// Three places check an id. Each takes ids that are one minute older and 15 s further ahead than
// the place before. So an id that the edge takes also passes the later checks, if it travels for
// less than a minute.
//
//   place       oldest            newest       clock
//   the edge    window            30 s ahead   the judges' clocks, as the edge knows them
//   the judge   window and 1 min  45 s ahead   its own; the reading becomes the record's time
//   the log     window and 2 min  60 s ahead   the record's time: the record is "in time"
//
// The log's check compares two times that are in the log. So it does not need a correct clock. A
// record that is not in time never counts. No judge writes such a record.
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

  // The times that an id may have, from oldest_ms to newest_ms, both included. In ms since 1970.
  struct IdTimes {
    std::int64_t oldest_ms = 0;
    std::int64_t newest_ms = 0;

    [[nodiscard]] bool contains(std::int64_t time_ms) const {
      return time_ms >= oldest_ms && time_ms <= newest_ms;
    }
  };

  explicit constexpr RetryRule(std::chrono::milliseconds window) : window_ms_(window.count()) {}

  [[nodiscard]] constexpr std::int64_t window_ms() const { return window_ms_; }
  // The most that the id of an in-time record is older than the record.
  [[nodiscard]] constexpr std::int64_t retention_ms() const { return window_ms_ + 2 * kDelayMs; }

  // For the edge. The judges' clocks show `earliest_ms` to `latest_ms`.
  [[nodiscard]] constexpr IdTimes at_edge(std::int64_t earliest_ms, std::int64_t latest_ms) const {
    return {.oldest_ms = latest_ms - window_ms_, .newest_ms = earliest_ms + kAheadMs};
  }
  // For the judge, whose clock shows `now_ms`.
  [[nodiscard]] constexpr IdTimes at_judge(std::int64_t now_ms) const {
    return {.oldest_ms = now_ms - window_ms_ - kDelayMs,
            .newest_ms = now_ms + kAheadMs + kAheadMs / 2};
  }
  // For the log: a record of `record_ms` is in time when its id has one of these times.
  [[nodiscard]] constexpr IdTimes in_log(std::int64_t record_ms) const {
    return {.oldest_ms = record_ms - retention_ms(), .newest_ms = record_ms + 2 * kAheadMs};
  }

  friend constexpr bool operator==(const RetryRule&, const RetryRule&) = default;

 private:
  static constexpr std::int64_t kAheadMs = 30'000;
  static constexpr std::int64_t kDelayMs = 60'000;

  std::int64_t window_ms_;
};

}  // namespace estadio
