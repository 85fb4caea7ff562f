#include "estadio/faculty/edge_stats.h"

namespace estadio {

void write_metrics(base::MetricsWriter& metrics, const EdgeStats& edge_stats) {
  const EdgeStats::Totals totals = edge_stats.totals();
  metrics.counter("estadio_entries_accepted_total", "Entries answered with a durable result.",
                  totals.accepted_entries);
  metrics.counter("estadio_entries_repeated_total", "Entries answered as repeats of known ones.",
                  totals.repeated_entries);
  metrics.counter("estadio_entries_with_other_ids_total",
                  "Accepted entries whose clients gave ids of other versions than 7.",
                  totals.entries_with_other_ids);
  metrics.counter("estadio_requests_rejected_total",
                  "Requests for entries that were answered with an error.",
                  totals.rejected_requests);
  metrics.histogram("estadio_answer_duration_seconds",
                    "Time from the reading of a request to its durable answer.",
                    edge_stats.latencies());
}

}  // namespace estadio
