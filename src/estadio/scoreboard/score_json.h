// The score and the contest as JSON, as /v1/scores and /v1/contest give them.
//
// Threads: functions.
#pragma once

#include <string>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// {"total":n,"by_faculty":{…},"by_discipline":{…},"by_outcome":{…},"crossed":[…],"repeated":n,
// "positions":[…]}. Faculties and disciplines of the contest are there with 0 when nothing was
// counted; those that it no longer has, when something was.
[[nodiscard]] base::Result<std::string> score_json(const Score& score, const Contest& contest,
                                                   const EventLog& events);

}  // namespace estadio
