// Statistics of the contest over the last five minutes, a point each second: the rate of entries,
// the 99th percentile of their latency, and the lag of the score.
//
// Threads: all methods from any thread.
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
    // Requests that were refused, since the start; nothing where the edge is elsewhere.
    std::optional<std::uint64_t> rejected;
    // Answers since the last call of the source; nothing where the edge is elsewhere.
    std::optional<base::Histogram> recent_latencies;
    std::int64_t lag = 0;  // results in the log that the score does not have yet
  };
  // Returns nothing while the figures are not known. The history then has a gap.
  using Source = std::function<std::optional<Figures>()>;

  explicit StatsHistory(Source source) : source_(std::move(source)) {}

  // Adds a point when a second has passed since the last.
  void advance(std::int64_t now_ms);

  // How many points were added since the start.
  [[nodiscard]] std::uint64_t count() const;
  // A point as a JSON object, by its number from 0; nothing when it is not kept any more.
  [[nodiscard]] std::optional<std::string> at(std::uint64_t number) const;
  // All points that are kept, as a JSON array.
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
