// The clocks of the judges that a process may send entries to. The edge checks ids against these
// clocks and not against its own, because the judges decide.
//
// Threads: a JudgeClocks may be used from any thread. JudgeTimes is a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/uuid.h"
#include "estadio/contest/contest_end.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

// Which ids the judges take. kAnyTime: the contest is ending or closed. Then entries are not new,
// and the log says which were accepted.
enum class IdCheck : std::uint8_t { kByTime, kAnyTime };

[[nodiscard]] inline IdCheck id_check_of(const ContestEnd& end) {
  return end.phase() == ContestPhase::kOpen ? IdCheck::kByTime : IdCheck::kAnyTime;
}

// The times that the judges' clocks show at one moment, and the judges' rule.
struct JudgeTimes {
  std::int64_t earliest_ms = 0;  // since 1970
  std::int64_t latest_ms = 0;
  RetryRule rule{RetryRule::kWindowDefault};
  IdCheck check = IdCheck::kByTime;

  // Returns the times that an id may have when it comes to the edge.
  [[nodiscard]] RetryRule::IdTimes id_times() const { return rule.at_edge(earliest_ms, latest_ms); }
};

// Returns why the edge refuses the id, as a text for its sender with the id's time and the judges'
// time. Returns nothing when the edge takes the id. It takes every id without a time.
[[nodiscard]] std::optional<std::string> why_refused(const base::Uuid& id, const JudgeTimes& times);

class JudgeClocks {
 public:
  virtual ~JudgeClocks() = default;

  // Returns nothing while the clock of no judge is known.
  [[nodiscard]] virtual std::optional<JudgeTimes> now() const = 0;
};

// The clock of a process that judges its entries itself. REQUIRES: both references outlive it.
class OwnClock final : public JudgeClocks {
 public:
  OwnClock(const base::Clock& clock, RetryRule rule, const ContestEnd& end)
      : clock_(clock), rule_(rule), end_(end) {}

  [[nodiscard]] std::optional<JudgeTimes> now() const override {
    const std::int64_t now_ms = clock_.wall_ms();
    return JudgeTimes{
        .earliest_ms = now_ms, .latest_ms = now_ms, .rule = rule_, .check = id_check_of(end_)};
  }

 private:
  const base::Clock& clock_;
  const RetryRule rule_;
  const ContestEnd& end_;
};

}  // namespace estadio
