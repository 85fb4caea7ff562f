// The retry window: how far back given ids are certainly remembered. Each reader reports its own.
// The HTTP edge and JudgeOne refuse version 7 ids that are older. The contest's page shows the
// window.
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

  // retention_ms() adds both to the window. kClockSkewMs: how far a client's clock may be ahead.
  // kLogDelayMs: how long an entry may take from the check of its id to the log.
  static constexpr std::int64_t kClockSkewMs = 60'000;
  static constexpr std::int64_t kLogDelayMs = 60'000;

  void set(std::size_t reader, std::int64_t window_ms) {
    by_reader_[reader].store(window_ms, std::memory_order_relaxed);
  }

  [[nodiscard]] std::int64_t configured_ms() const { return configured_ms_; }
  // Returns the shortest window of all readers, at most the configured one. Returns nothing until
  // every reader has reported. A new reader of a tally reports only after it has read the log back.
  [[nodiscard]] std::optional<std::int64_t> in_force_ms() const {
    std::int64_t least = configured_ms_;
    for (const auto& window : by_reader_) {
      least = std::min(least, window.load(std::memory_order_relaxed));
    }
    return least == kUnknown ? std::nullopt : std::optional(least);
  }
  [[nodiscard]] std::int64_t retention_ms() const {
    return configured_ms_ + kClockSkewMs + kLogDelayMs;
  }

 private:
  static constexpr std::int64_t kUnknown = -1;

  const std::int64_t configured_ms_;
  std::vector<std::atomic<std::int64_t>> by_reader_;
};

// Writes nothing while the window is unknown.
void write_metrics(base::MetricsWriter& metrics, const RetryWindow& window);

}  // namespace estadio
