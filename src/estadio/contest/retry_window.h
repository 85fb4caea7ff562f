// How far back a client's id is certainly remembered, as the tally's readers say; the HTTP edge
// refuses older ids of version 7, and the contest's page shows it.
//
// Threads: all methods from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace estadio {

class RetryWindow {
 public:
  // `configured_ms`: the window while memory suffices. `readers`: how many will say theirs.
  RetryWindow(std::int64_t configured_ms, std::size_t readers)
      : configured_ms_(configured_ms), by_reader_(readers) {
    for (auto& window : by_reader_) window = kUnknown;
  }

  // How much longer than the window ids are kept: an id may come from a clock that is ahead by
  // the first, and its record may reach the log later than the edge looked at it by the second.
  static constexpr std::int64_t kClockSkewMs = 60'000;
  static constexpr std::int64_t kOnTheWayMs = 60'000;

  void set(std::size_t reader, std::int64_t window_ms) {
    by_reader_[reader].store(window_ms, std::memory_order_relaxed);
  }

  [[nodiscard]] std::int64_t configured_ms() const { return configured_ms_; }
  // Nothing until every reader has said its own: those that start read the log back first.
  [[nodiscard]] std::optional<std::int64_t> in_force_ms() const {
    std::int64_t least = configured_ms_;
    for (const auto& window : by_reader_) {
      least = std::min(least, window.load(std::memory_order_relaxed));
    }
    return least == kUnknown ? std::nullopt : std::optional(least);
  }
  [[nodiscard]] std::int64_t retention_ms() const {
    return configured_ms_ + kClockSkewMs + kOnTheWayMs;
  }

 private:
  static constexpr std::int64_t kUnknown = -1;

  const std::int64_t configured_ms_;
  std::vector<std::atomic<std::int64_t>> by_reader_;
};

}  // namespace estadio
