#include "estadio/app/role_metrics.h"

#include <fmt/format.h>
#include <iterator>
#include <map>
#include <string>
#include <tuple>

namespace estadio {

void write_metrics(http::MetricsWriter& metrics, const Score& score, const Contest& contest) {
  // Also write counts that are still 0: a rate needs a sample before the first entry.
  std::map<std::tuple<std::string, std::string, Outcome>, std::int64_t> counts;
  for (const Faculty& faculty : contest.faculties()) {
    for (const Discipline& discipline : contest.disciplines()) {
      for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
        counts[{faculty.name, discipline.name, outcome}] = 0;
      }
    }
  }
  for (const Score::Count& each : score.counts) {
    const auto index = contest.find_discipline(each.discipline_id);
    counts[{each.faculty,
            index ? contest.disciplines()[*index].name : std::to_string(each.discipline_id),
            each.outcome}] += each.count;
  }
  for (const auto& [key, count] : counts) {
    const auto& [faculty, discipline, outcome] = key;
    metrics.counter(
        "estadio_results_total", "Results counted, each entry once.", static_cast<double>(count),
        {{"faculty", faculty}, {"discipline", discipline}, {"outcome", to_string(outcome)}});
  }
  metrics.counter("estadio_results_repeated_total",
                  "Results in the log that were not counted because their id was counted before.",
                  static_cast<double>(score.repeated));
}

void write_lag(http::MetricsWriter& metrics, std::int64_t lag) {
  metrics.gauge("estadio_score_lag", "Results in the log that are not in the score yet.",
                static_cast<double>(lag));
}

void write_metrics(http::MetricsWriter& metrics, const EdgeStats& edge_stats) {
  const EdgeStats::Totals totals = edge_stats.totals();
  metrics.counter("estadio_entries_accepted_total", "Entries answered with a durable result.",
                  static_cast<double>(totals.accepted_entries));
  metrics.counter("estadio_entries_repeated_total", "Entries answered as repeats of known ones.",
                  static_cast<double>(totals.repeated_entries));
  metrics.counter("estadio_requests_rejected_total",
                  "Requests for entries that were answered with an error.",
                  static_cast<double>(totals.rejected_requests));
  metrics.histogram("estadio_answer_duration_seconds",
                    "Time from the reading of a request to its durable answer.",
                    edge_stats.latencies());
}

void write_metrics(http::MetricsWriter& metrics, const RetryWindow& window) {
  metrics.gauge("estadio_retry_window_seconds",
                "How far back clients' ids are certainly remembered.",
                static_cast<double>(window.in_force_ms().value_or(0)) / 1000.0);
}

void write_metrics(http::MetricsWriter& metrics, const DiskLog::Stats& stats) {
  metrics.counter("estadio_log_commits_total", "Blocks made durable.",
                  static_cast<double>(stats.commits));
  metrics.counter("estadio_log_records_total", "Records made durable.",
                  static_cast<double>(stats.records));
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.",
                  static_cast<double>(stats.bytes));
  metrics.gauge("estadio_log_full", "1 while the log cannot grow.", stats.is_full ? 1 : 0);
  metrics.gauge("estadio_log_failed", "1 after a failed write.", stats.has_failed ? 1 : 0);
}

void write_metrics(http::MetricsWriter& metrics, const KafkaLog::Stats& stats) {
  metrics.counter("estadio_log_records_total", "Records made durable.",
                  static_cast<double>(stats.records));
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.",
                  static_cast<double>(stats.bytes));
  metrics.counter("estadio_log_failed_records_total", "Records that were given up.",
                  static_cast<double>(stats.failed));
  metrics.gauge("estadio_kafka_away", "1 while no broker can be reached.", stats.is_away ? 1 : 0);
}

void write_metrics(http::MetricsWriter& metrics, const Tally::Stats& stats) {
  metrics.counter("estadio_tally_commits_total", "Commits to the score book that were applied.",
                  static_cast<double>(stats.commits));
  metrics.counter("estadio_tally_stale_commits_total",
                  "Commits that were not applied because the book stood elsewhere.",
                  static_cast<double>(stats.stale_commits));
  metrics.counter("estadio_tally_failed_commits_total",
                  "Times that counting a partition failed and began again.",
                  static_cast<double>(stats.failed_commits));
  metrics.gauge("estadio_tally_stopped", "1 after a partition was found damaged.",
                stats.has_stopped ? 1 : 0);
}

void write_metrics(http::MetricsWriter& metrics, const JudgeServer::Stats& stats) {
  metrics.gauge("estadio_judge_streams", "Streams of faculty servers open.",
                static_cast<double>(stats.streams_open));
  metrics.counter("estadio_judge_streams_refused_total",
                  "Streams that were refused: too many, or another contest.",
                  static_cast<double>(stats.streams_refused));
  metrics.counter("estadio_judge_go_aways_total",
                  "Streams whose callers were asked to open another.",
                  static_cast<double>(stats.go_aways));
  metrics.counter("estadio_judge_batches_total", "Batches received.",
                  static_cast<double>(stats.batches));
  metrics.counter("estadio_judge_batches_malformed_total",
                  "Batches that were refused as malformed.",
                  static_cast<double>(stats.batches_malformed));
  metrics.counter("estadio_judge_entries_total", "Entries received.",
                  static_cast<double>(stats.entries));
  metrics.counter("estadio_judge_pauses_total",
                  "Times that a stream was not read because too much of it was in flight.",
                  static_cast<double>(stats.pauses));
}

void write_metrics(http::MetricsWriter& metrics, const JudgeChannels::Stats& stats) {
  metrics.gauge("estadio_judge_client_streams", "Streams to discipline servers open.",
                static_cast<double>(stats.streams_open));
  metrics.counter("estadio_judge_client_streams_failed_total",
                  "Streams to discipline servers that broke or could not be opened.",
                  static_cast<double>(stats.streams_failed));
  metrics.counter("estadio_judge_client_go_aways_total",
                  "Streams that were replaced because their server asked for it.",
                  static_cast<double>(stats.go_aways));
  metrics.counter("estadio_judge_client_batches_total", "Batches sent.",
                  static_cast<double>(stats.messages));
  metrics.counter("estadio_judge_client_entries_total", "Entries sent.",
                  static_cast<double>(stats.entries));
  metrics.counter("estadio_judge_client_entries_refused_total",
                  "Entries that no discipline server accepted.",
                  static_cast<double>(stats.entries_refused));
  metrics.counter("estadio_judge_client_entries_unknown_total",
                  "Entries that were sent and got no answer.",
                  static_cast<double>(stats.entries_unknown));
}

void write_metrics(http::MetricsWriter& metrics, const http::Server::Stats& stats) {
  metrics.gauge("estadio_http_connections", "Connections open.",
                static_cast<double>(stats.connections_open));
  metrics.counter("estadio_http_connections_accepted_total", "Connections accepted.",
                  static_cast<double>(stats.connections_accepted));
  metrics.counter("estadio_http_connections_refused_total", "Connections refused at the limit.",
                  static_cast<double>(stats.connections_refused));
  metrics.counter("estadio_http_requests_total", "Requests received.",
                  static_cast<double>(stats.requests));
  metrics.counter("estadio_http_coalesced_rounds_total",
                  "Times that requests were handled together.",
                  static_cast<double>(stats.coalesced_rounds));
  for (std::size_t i = 1; i < std::size(stats.responses_by_class); ++i) {
    metrics.counter("estadio_http_responses_total", "Responses by class of status.",
                    static_cast<double>(stats.responses_by_class[i]),
                    {{"class", fmt::format("{}xx", i)}});
  }
  metrics.counter("estadio_http_received_bytes_total", "Bytes received.",
                  static_cast<double>(stats.received_bytes));
  metrics.counter("estadio_http_sent_bytes_total", "Bytes sent.",
                  static_cast<double>(stats.sent_bytes));
}

}  // namespace estadio
