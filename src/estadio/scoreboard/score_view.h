// The score with the facts that explain it.
//
// Threads: values.
#pragma once

#include "estadio/contest/contest_facts.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// Score and facts of about one moment.
struct ScoreView {
  Score score;
  ContestFacts facts;
};

}  // namespace estadio
