// The figures of a role's parts in /metrics, with their names.
//
// Threads: functions.
#pragma once

#include "estadio/contest/contest.h"
#include "estadio/contest/retry_window.h"
#include "estadio/contest/score_book.h"
#include "estadio/faculty/edge_stats.h"
#include "estadio/log/disk_log.h"
#include "estadio/log/kafka_log.h"
#include "estadio/rpc/judge_client.h"
#include "estadio/rpc/judge_server.h"
#include "estadio/tally/tally.h"
#include "http/metrics.h"
#include "http/server.h"

namespace estadio {

void write_metrics(http::MetricsWriter& metrics, const Score& score, const Contest& contest);
void write_lag(http::MetricsWriter& metrics, std::int64_t lag);
void write_metrics(http::MetricsWriter& metrics, const EdgeStats& edge_stats);
void write_metrics(http::MetricsWriter& metrics, const RetryWindow& window);
void write_metrics(http::MetricsWriter& metrics, const DiskLog::Stats& stats);
void write_metrics(http::MetricsWriter& metrics, const KafkaLog::Stats& stats);
void write_metrics(http::MetricsWriter& metrics, const Tally::Stats& stats);
void write_metrics(http::MetricsWriter& metrics, const JudgeServer::Stats& stats);
void write_metrics(http::MetricsWriter& metrics, const JudgeChannels::Stats& stats);
void write_metrics(http::MetricsWriter& metrics, const http::Server::Stats& stats);

}  // namespace estadio
