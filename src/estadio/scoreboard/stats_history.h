// Statistics of the contest over the last five minutes, one point per second. A point has the rate
// of entries, the 99th percentile of their latency, and the lag of the score.
//
// Threads: every method may be called from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/histogram.h"

namespace estadio {

class StatsHistory {
 public:
  static constexpr std::size_t kKept = 300;
  static constexpr std::int64_t kEveryMs = 1000;

  struct Figures {
    std::uint64_t accepted = 0;  // entries, since the start
    // Refused requests since the start. Nothing when the edge is another process.
    std::optional<std::uint64_t> rejected;
    // Answers since the last call of the source. Nothing when the edge is another process.
    std::optional<base::Histogram> recent_latencies;
    std::int64_t lag = 0;  // results in the log that the score does not have yet
  };
  // Returns nothing while the figures are unknown. The history then has a gap.
  using Source = std::function<std::optional<Figures>()>;

  explicit StatsHistory(Source source) : source_(std::move(source)) {}

  // Adds a point when a second has passed since the last.
  void advance(std::int64_t now_ms);

  // Returns the number of points added since the start.
  [[nodiscard]] std::uint64_t count() const;
  // Returns a point as a JSON object. `number` counts from 0. Returns nothing when the point is not
  // in the history.
  [[nodiscard]] std::optional<std::string> at(std::uint64_t number) const;
  // Returns all points in the history, as a JSON array.
  [[nodiscard]] std::string all() const;

 private:
  const Source source_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::string> kept_;  // JSON objects
  std::uint64_t count_ = 0;
  std::int64_t last_ms_ = 0;
  std::uint64_t last_accepted_ = 0;
};

}  // namespace estadio
