// Statistics of the HTTP edge: accepted entries, refused requests and latencies.
//
// Threads: every method may be called from any thread. accepted() is called once per batch, not
// once per entry.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/histogram.h"
#include "base/metrics_writer.h"

namespace estadio {

class EdgeStats {
 public:
  struct Totals {
    std::uint64_t accepted_entries = 0;
    std::uint64_t repeated_entries = 0;
    std::uint64_t rejected_requests = 0;
  };

  // Adds the answers of a durable batch. `latencies` has one value for each request.
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
  // Returns the times from reading a request to its durable answer, since the start.
  [[nodiscard]] base::Histogram latencies() const {
    const std::scoped_lock lock(mutex_);
    return all_;
  }
  // Returns the latencies since the last call of this method.
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

void write_metrics(base::MetricsWriter& metrics, const EdgeStats& edge_stats);

}  // namespace estadio
