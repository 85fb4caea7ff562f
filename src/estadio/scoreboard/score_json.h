// Writes the JSON of /v1/scores and /v1/contest.
//
// Threads: every function may be called from any thread.
#pragma once

#include <string>

#include "estadio/contest/contest.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// {"total":n,"by_faculty":{…},"by_discipline":{…},"by_outcome":{…},"breakdown":[…],"repeated":n,
// "not_in_time":n,"after_end":n,"positions":[…]}. All faculties and disciplines of the contest are
// listed, with 0 when nothing was counted. Those that the contest no longer has are listed when
// something was counted. Positions have the order of the facts' ends.
[[nodiscard]] std::string score_json(const Score& score, const Contest& contest,
                                     const ContestFacts& facts);

// {"name":…,"faculties":[…],"disciplines":[…],"seed_commitment":…,"started_at_ms":n,
// "retry_window_seconds":n}. "closes_at_ms" is added when the contest has an end, "seed" when the
// facts have it.
[[nodiscard]] std::string contest_json(const Contest& contest, const ContestFacts& facts);

}  // namespace estadio
