// The pulse of the contest: once a second how many entries came, how fast they were answered and
// how many wait to be counted; kept for five minutes so that a page opened now shows them.
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

class Pulses {
 public:
  static constexpr std::size_t kKept = 300;
  static constexpr std::int64_t kEveryMs = 1000;

  struct Figures {
    std::uint64_t accepted = 0;  // entries, since the start
    // Requests that were refused, since the start; nothing where the edge is elsewhere.
    std::optional<std::uint64_t> rejected;
    // Answers since the last time that this was asked; nothing where the edge is elsewhere.
    std::optional<base::Histogram> recent_latencies;
    std::int64_t uncounted = 0;  // results that the log holds and the score does not have yet
  };
  // Nothing while the figures cannot be told: that time is left out, and who watches sees the gap.
  using Source = std::function<std::optional<Figures>()>;

  explicit Pulses(Source source) : source_(std::move(source)) {}

  // Takes a pulse when a second has passed since the last.
  void advance(std::int64_t now_ms);

  // The number of pulses so far; the n-th as a JSON object, while it is kept; all as an array.
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::optional<std::string> at(std::uint64_t number) const;
  [[nodiscard]] std::string all() const;

 private:
  const Source source_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::string> kept_;
  std::uint64_t count_ = 0;
  std::int64_t last_ms_ = 0;
  std::uint64_t last_accepted_ = 0;
};

}  // namespace estadio
