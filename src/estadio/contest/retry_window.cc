#include "estadio/contest/retry_window.h"

namespace estadio {

void write_metrics(base::MetricsWriter& metrics, const RetryWindow& window) {
  const auto in_force_ms = window.in_force_ms();
  if (!in_force_ms) return;
  metrics.gauge("estadio_retry_window_seconds",
                "How far back clients' ids are certainly remembered. Absent while unknown.",
                static_cast<double>(*in_force_ms) / 1000.0);
}

}  // namespace estadio
