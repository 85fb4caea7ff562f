#include "estadio/dedup/judge_clocks.h"

#include <chrono>
#include <fmt/format.h>

#include "base/units.h"

namespace estadio {

std::optional<std::string> why_refused(const base::Uuid& id, const JudgeTimes& times) {
  if (times.check == IdCheck::kAnyTime) return std::nullopt;
  const auto time_ms = id.time_ms();
  const RetryRule::IdTimes taken = times.id_times();
  if (!time_ms || taken.contains(*time_ms)) return std::nullopt;
  if (*time_ms < taken.oldest_ms) {
    return fmt::format(
        "this version 7 id was made at {}, and the judges' clocks show {}: an id may be at most {} "
        "old, because older ids are not remembered; a new entry needs a new id",
        base::format_time(*time_ms), base::format_time(times.latest_ms),
        base::format_duration(std::chrono::milliseconds(times.rule.window_ms())));
  }
  return fmt::format(
      "this version 7 id was made at {}, and the judges' clocks show {}: an id may be at most {} "
      "ahead; check the sender's clock",
      base::format_time(*time_ms), base::format_time(times.earliest_ms),
      base::format_duration(std::chrono::milliseconds(taken.newest_ms - times.earliest_ms)));
}

}  // namespace estadio
