// The retry window: how far back given ids are certainly remembered. Each reader reports its own.
// The HTTP edge refuses ids of version 7 that are older. The contest's page shows the window.
//
// Threads: every method may be called from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/metrics_writer.h"

namespace estadio {

class RetryWindow {
 public:
  // `configured_ms` is the window while memory suffices. `readers` is the number of readers that
  // report their windows.
  RetryWindow(std::int64_t configured_ms, std::size_t readers)
      : configured_ms_(configured_ms), by_reader_(readers) {
    for (auto& window : by_reader_) window = kUnknown;
  }

  // Ids are kept longer than the window by the sum of these. A client's clock may be ahead by the
  // first. A record may reach the log later than the edge checked its id, by the second.
  static constexpr std::int64_t kClockSkewMs = 60'000;
  static constexpr std::int64_t kOnTheWayMs = 60'000;

  void set(std::size_t reader, std::int64_t window_ms) {
    by_reader_[reader].store(window_ms, std::memory_order_relaxed);
  }

  [[nodiscard]] std::int64_t configured_ms() const { return configured_ms_; }
  // Returns the shortest window of all readers, at most the configured one. Returns nothing until
  // every reader has reported: a reader that starts first reads the log back.
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

// Writes nothing while the window is unknown.
void write_metrics(base::MetricsWriter& metrics, const RetryWindow& window);

}  // namespace estadio
