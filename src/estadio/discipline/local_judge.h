// Judging in this process: tosses the coin for every entry of a batch and gives the results to
// the log, all at once.
//
// Entries whose id a client gave and that are known to be durable already (KnownIds) are not logged
// again: the answer says that they were repeated. Others are, and the tally counts them once. A
// late entry that is not known is looked up once more when all that was appended before has its
// fate.
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

namespace estadio {

class LocalJudge final : public Judge {
 public:
  // All must outlive the judge, and the judge the `done` of its last batch.
  struct Parts {
    const Contest& contest;
    const Coin& coin;
    EventLog& events;
    KnownIds& known;
    const base::Clock& clock;
  };

  explicit LocalJudge(const Parts& parts);

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override;

 private:
  const Parts parts_;
  const RecordFormat format_;
  RecordBatch records_;
};

}  // namespace estadio
