// The score and the contest as JSON, as /v1/scores and /v1/contest give them.
//
// Threads: functions.
#pragma once

#include <string>

#include "estadio/contest/contest.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// {"total":n,"by_faculty":{…},"by_discipline":{…},"by_outcome":{…},"breakdown":[…],"repeated":n,
// "positions":[…]}. Faculties and disciplines of the contest are there with 0 when nothing was
// counted; those that it no longer has, when something was. Positions stand in the order of the
// facts' ends.
[[nodiscard]] std::string score_json(const Score& score, const Contest& contest,
                                     const ContestFacts& facts);

// {"name":…,"faculties":[…],"disciplines":[…],"seed_commitment":…,"started_at_ms":n,
// "retry_window_seconds":n}; with "closes_at_ms" where the contest has an end and "seed" once the
// facts tell it. The window is 0 while none is known.
[[nodiscard]] std::string contest_json(const Contest& contest, const ContestFacts& facts);

}  // namespace estadio
