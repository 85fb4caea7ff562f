// The judge of this process. It tosses the coin for every entry of a batch and appends all results
// to the log at once. The records' time is the clock's time of that moment.
//
// An id of version 7 whose time is too far from the clock is refused (RetryRule::at_judge()): its
// entry is not logged. An entry whose given id is known to be durable (KnownIds) is not logged
// again. Its verdict says that it is repeated, or that it is in conflict with the first entry. All
// others are logged, and the tally counts each id once. A late entry with an unknown id is looked
// up once more after every earlier append has been answered.
//
// Threads: a LocalJudge belongs to one thread.
#pragma once

#include "base/clock.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/known_ids.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

class LocalJudge final : public Judge {
 public:
  // REQUIRES: all of these outlive the judge. The judge outlives the `done` of its last batch.
  struct Dependencies {
    const Contest& contest;
    const Coin& coin;
    EventLog& events;
    KnownIds& known;
    RetryRule retry;
    const base::Clock& clock;
  };

  explicit LocalJudge(const Dependencies& deps);

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override;

 private:
  // Adds an entry's record to records_.
  void add_record(const Entry& entry, std::string_view student, const Coin::Toss& toss);

  const Dependencies deps_;
  const RecordFormat format_;
  RecordBatch records_;
};

}  // namespace estadio
