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

#include "estadio/contest/vitals.h"

namespace estadio {

class Pulses {
 public:
  static constexpr std::size_t kKept = 300;
  static constexpr std::int64_t kEveryMs = 1000;

  // `uncounted` tells how many results the log holds that the score does not have yet.
  Pulses(Vitals& vitals, std::function<std::int64_t()> uncounted)
      : vitals_(vitals), uncounted_(std::move(uncounted)) {}

  // Takes a pulse when a second has passed since the last.
  void advance(std::int64_t now_ms);

  // The number of pulses so far; the n-th as a JSON object, while it is kept; all as an array.
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::optional<std::string> at(std::uint64_t number) const;
  [[nodiscard]] std::string all() const;

 private:
  Vitals& vitals_;
  const std::function<std::int64_t()> uncounted_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::string> kept_;
  std::uint64_t count_ = 0;
  std::int64_t last_ms_ = 0;
  std::uint64_t last_accepted_ = 0;
};

}  // namespace estadio
