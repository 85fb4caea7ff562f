// What a discipline server must know when the contest is over: late entries are answered by whether
// they were kept before, by whichever server. So it reads the log back, once when the contest is
// over and once more when nothing can be on its way any longer; from then on KnownIds knows all.
//
// Threads: one, started by the constructor and ended by the destructor.
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
#include "estadio/contest/retry_window.h"

namespace estadio {

class LateIds {
 public:
  // All must outlive this.
  struct Dependencies {
    const Contest& contest;  // REQUIRES: it has a time at which it is over
    const EventLog& events;
    const RetryWindow& window;
    KnownIds& known;
    const base::Clock& clock;
    base::Logger& log;
  };

  explicit LateIds(const Dependencies& deps);

 private:
  void run(const std::stop_token& stop);
  base::Result<void> read_back(const std::stop_token& stop);
  base::Result<void> read_partition(PartitionId partition, const std::stop_token& stop);
  // False when it was to stop first.
  bool wait_until(std::int64_t wall_ms, const std::stop_token& stop);

  const Dependencies deps_;
  std::mutex mutex_;
  std::condition_variable_any pause_;
  std::jthread thread_;  // last: ends before what it uses goes
};

}  // namespace estadio
