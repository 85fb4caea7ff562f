// Computes from the log alone how far back the tallies certainly remember given ids.
//
// A tally remembers a fixed number of given ids of each partition (RecentIds). We assume that every
// record has a given id. This can only underestimate the window. So the result needs no running
// tally, and is the same in every process.
//
// Threads: a LogReach belongs to one thread.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/recent_ids.h"
#include "estadio/contest/retry_window.h"

namespace estadio {

class LogReach {
 public:
  // REQUIRES: `window` has a reader for each of all_partitions(). All references outlive this.
  LogReach(EventLog& events, RecentIds::Options recent, RetryWindow& window,
           const base::Clock& clock)
      : events_(events), recent_(recent), window_(window), clock_(clock) {}

  // Computes the window of every partition and sets it in `window`.
  // Errors: the log's. The partitions that were not reached keep their windows.
  [[nodiscard]] base::Result<void> update();

 private:
  [[nodiscard]] base::Result<std::int64_t> reach_ms(PartitionId partition) const;

  EventLog& events_;
  const RecentIds::Options recent_;
  RetryWindow& window_;
  const base::Clock& clock_;
};

}  // namespace estadio
