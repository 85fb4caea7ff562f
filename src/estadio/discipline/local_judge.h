// The judge of this process. It tosses the coin for every entry of a batch and appends all results
// to the log at once. The records' time is the clock's time of that moment.
//
// An id of version 7 whose time is too far from the clock is refused (RetryRule::at_judge()): its
// entry is not logged. An entry whose given id is known to be durable (KnownIds) is not logged
// again. Its verdict says that it is repeated, or that its content differs. All others are logged,
// and the tally counts each id once.
//
// Near the contest's end the judge takes nothing new (ContestEnd::takes_new()). It still answers
// entries with known ids. Once the contest is closed, it answers every given id from the log
// (AcceptedIds). So an entry that was acknowledged is acknowledged again, for as long as the log
// exists.
//
// Threads: a LocalJudge belongs to one thread.
#pragma once

#include "base/clock.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/known_ids.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/discipline/accepted_ids.h"

namespace estadio {

class LocalJudge final : public Judge {
 public:
  // REQUIRES: all of these outlive the judge. The judge outlives the `done` of its last batch.
  struct Dependencies {
    const Contest& contest;
    const Coin& coin;
    EventLog& events;
    KnownIds& known;
    const ContestEnd& end;
    const AcceptedIds& accepted;
    RetryRule retry;
    const base::Clock& clock;
  };

  explicit LocalJudge(const Dependencies& deps);

  void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) override;

 private:
  // Adds the entries to records_ that have to be logged. Returns whether there are any.
  bool add_records(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given);
  // Adds an entry's record to records_.
  void add_record(const Entry& entry, std::string_view student, const Coin::Toss& toss);
  void append(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given, Done done);

  // Answers a batch while no new entry is taken. Logs nothing.
  void answer_again(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given,
                    const Done& done) const;
  [[nodiscard]] Verdict::Durability durability_again(const EntryBatch& batch, const Entry& entry,
                                                     const Coin::Toss& toss,
                                                     Verdict& verdict) const;
  [[nodiscard]] base::Error why_nothing_new() const;

  const Dependencies deps_;
  const RecordFormat format_;
  RecordBatch records_;
};

}  // namespace estadio
