// How the HTTP edge is doing: what it accepted and refused and how long answers took.
//
// Threads: all methods from any thread. Written once a batch, not once an entry.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/histogram.h"

namespace estadio {

class EdgeStats {
 public:
  struct Totals {
    std::uint64_t accepted_entries = 0;
    std::uint64_t repeated_entries = 0;
    std::uint64_t rejected_requests = 0;
  };

  // The answers of a batch that became durable together.
  void accepted(std::span<const std::chrono::nanoseconds> latencies, std::uint64_t entries,
                std::uint64_t repeated) {
    const std::scoped_lock lock(mutex_);
    for (const auto latency : latencies) {
      recent_.record(latency);
      all_.record(latency);
    }
    totals_.accepted_entries += entries;
    totals_.repeated_entries += repeated;
  }
  void rejected() {
    const std::scoped_lock lock(mutex_);
    ++totals_.rejected_requests;
  }

  [[nodiscard]] Totals totals() const {
    const std::scoped_lock lock(mutex_);
    return totals_;
  }
  // Times from the reading of a request to its durable answer, since the start.
  [[nodiscard]] base::Histogram latencies() const {
    const std::scoped_lock lock(mutex_);
    return all_;
  }
  // The same since the last call of this.
  [[nodiscard]] base::Histogram take_recent_latencies() {
    base::Histogram taken;
    const std::scoped_lock lock(mutex_);
    std::swap(taken, recent_);
    return taken;
  }

 private:
  mutable std::mutex mutex_;
  Totals totals_;
  base::Histogram recent_;
  base::Histogram all_;
};

}  // namespace estadio
