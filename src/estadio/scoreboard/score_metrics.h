// The score and its lag as metrics.
//
// Threads: functions.
#pragma once

#include "base/metrics_writer.h"
#include "estadio/contest/contest.h"
#include "estadio/scoreboard/score_view.h"

namespace estadio {

// Writes one counter for each faculty, discipline and outcome of the contest, and the lag.
void write_metrics(base::MetricsWriter& metrics, const ScoreView& view, const Contest& contest);

}  // namespace estadio
