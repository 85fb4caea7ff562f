// Judging in this process: tosses the coin for every entry of a batch and gives the results to
// the log, all at once.
//
// Entries whose id a client gave and that are known to be durable already are not logged again:
// the answer says that they were repeated. Ids that are not known here any more (after a restart)
// are logged again, and the tally counts them once.
//
// Threads: a LocalJudge belongs to one thread; KnownIds may be shared by the judges of a process.
#pragma once

#include <memory>
#include <mutex>

#include "base/clock.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/judge.h"
#include "estadio/contest/recent_ids.h"
#include "estadio/contest/record.h"

namespace estadio {

// The client-given ids that this process has made durable lately.
class KnownIds {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 18;

  explicit KnownIds(std::int64_t retention_ms) : ids_({.capacity = kCapacity, .retention_ms = retention_ms}) {}

  // Sets is_repeated of the verdicts whose entries are known.
  void mark_known(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;
  // Adds the entries that a client gave ids to.
  void add(const EntryBatch& batch, std::int64_t now_ms);

 private:
  mutable std::mutex mutex_;
  RecentIds ids_;  // guarded by mutex_
};

class LocalJudge final : public Judge {
 public:
  // All must outlive the judge and the `done` of its last batch.
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
