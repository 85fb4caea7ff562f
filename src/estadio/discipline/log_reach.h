// How far back the tallies certainly remember clients' ids, told from the log alone.
//
// A tally remembers a number of ids of each partition (RecentIds); which of its records carry a
// client's id is not asked: as if all did, which is never too far. So the answer does not depend on
// any tally being there, and is the same for all who ask.
//
// Threads: none; belongs to one.
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
  // `window` has a reader for each of all_partitions(); all must outlive this.
  LogReach(const EventLog& events, RecentIds::Options recent, RetryWindow& window,
           const base::Clock& clock)
      : events_(events), recent_(recent), window_(window), clock_(clock) {}

  // Looks at every partition, and tells the window. Errors: those of the log; the window stays.
  [[nodiscard]] base::Result<void> update();

 private:
  [[nodiscard]] base::Result<std::int64_t> reach_ms(PartitionId partition) const;

  const EventLog& events_;
  const RecentIds::Options recent_;
  RetryWindow& window_;
  const base::Clock& clock_;
};

}  // namespace estadio
