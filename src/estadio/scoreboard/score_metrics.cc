#include "estadio/scoreboard/score_metrics.h"

#include <map>
#include <string>
#include <tuple>

namespace estadio {

void write_metrics(base::MetricsWriter& metrics, const ScoreView& view, const Contest& contest) {
  // Also write counts that are still 0: a rate needs a sample before the first entry.
  std::map<std::tuple<std::string, std::string, Outcome>, std::int64_t> counts;
  for (const Faculty& faculty : contest.faculties()) {
    for (const Discipline& discipline : contest.disciplines()) {
      for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
        counts[{faculty.name, discipline.name, outcome}] = 0;
      }
    }
  }
  for (const Score::Count& each : view.score.counts) {
    const auto index = contest.find_discipline(each.discipline_id);
    counts[{each.faculty,
            index ? contest.disciplines()[*index].name : std::to_string(each.discipline_id),
            each.outcome}] += each.count;
  }
  for (const auto& [key, count] : counts) {
    const auto& [faculty, discipline, outcome] = key;
    metrics.counter(
        "estadio_results_total", "Results counted, each entry once.", count,
        {{"faculty", faculty}, {"discipline", discipline}, {"outcome", to_string(outcome)}});
  }
  metrics.counter("estadio_results_repeated_total",
                  "Results in the log that were not counted because their id was counted before.",
                  view.score.not_counted.repeated);
  metrics.counter("estadio_results_not_in_time_total",
                  "Results in the log that never count: the times of their ids are too far from "
                  "the times of their records. No server writes them.",
                  view.score.not_counted.not_in_time);
  metrics.counter("estadio_results_after_end_total",
                  "Records in the log that never count: the end mark of each partition, and what "
                  "came behind it.",
                  view.score.not_counted.after_end);
  metrics.gauge("estadio_score_lag",
                "Results in the log that are not in the score yet. Absent while unknown.",
                lag_of(view.score, view.facts));
}

}  // namespace estadio
