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
    std::uint64_t entries_with_other_ids = 0;
    std::uint64_t rejected_requests = 0;
  };

  // The entries of a durable batch.
  struct Accepted {
    std::uint64_t entries = 0;         // without the repeated ones
    std::uint64_t repeated = 0;        // known before
    std::uint64_t with_other_ids = 0;  // of `entries`, those with a given id not of version 7
  };

  // Adds the answers of a durable batch. `latencies` has one value for each request.
  void accepted(std::span<const std::chrono::nanoseconds> latencies, const Accepted& batch) {
    const std::scoped_lock lock(mutex_);
    for (const auto latency : latencies) {
      recent_.record(latency);
      all_.record(latency);
    }
    totals_.accepted_entries += batch.entries;
    totals_.repeated_entries += batch.repeated;
    totals_.entries_with_other_ids += batch.with_other_ids;
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
