// Reads back the given ids of the log for a judge whose contest is over. A late entry's answer
// depends on whether any server logged it before. LateIds reads once when the contest is over. It
// reads again once no entry can be on its way, and then KnownIds knows the whole log.
//
// Threads: belongs to one thread. The constructor starts another, which the destructor joins.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/known_ids.h"

namespace estadio {

class LateIds {
 public:
  static constexpr std::int64_t kSettleMs = 120'000;  // for servers whose clocks may be behind

  // REQUIRES: all of these outlive the LateIds.
  struct Dependencies {
    const Contest& contest;  // REQUIRES: it has a closes_at_ms()
    EventLog& events;
    std::int64_t retention_ms = 0;  // how long before the end an id is looked for
    // How long after the end another server's entries may reach the log. 0 when only this process
    // writes to the log: then the log is read back at once, and not at the end.
    std::int64_t settle_ms = 0;
    KnownIds& known;
    const base::Clock& clock;
    base::Logger& log;
  };

  explicit LateIds(const Dependencies& deps);

 private:
  void run(const std::stop_token& stop);
  base::Result<void> read_back(const std::stop_token& stop);
  base::Result<void> read_partition(PartitionId partition, const std::stop_token& stop);
  // Returns false when `stop` was requested first.
  bool wait_until(std::int64_t wall_ms, const std::stop_token& stop);

  const Dependencies deps_;
  std::mutex mutex_;
  std::condition_variable_any pause_;
  std::jthread thread_;  // last: it must end before the members that it uses
};

}  // namespace estadio
