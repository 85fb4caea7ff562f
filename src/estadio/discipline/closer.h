// Ends a contest on several machines: does what Closing says, with the control log and the log of
// results. Then it reads the accepted ids, so that the judges can answer entries again.
//
// Threads: step() belongs to one thread. request_stop(), unready_reason() and stats() may be called
// from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/control_log.h"
#include "estadio/contest/event_log.h"
#include "estadio/discipline/accepted_ids.h"
#include "estadio/discipline/closing.h"

namespace estadio {

class Closer {
 public:
  // REQUIRES: all of these outlive the Closer.
  struct Dependencies {
    base::Uuid judge;  // of this process, new at each start
    std::optional<std::int64_t> closes_at_ms;
    EventLog& events;
    ControlLog& control;
    ContestEnd& end;
    AcceptedIds& accepted;
    const base::Clock& clock;
    base::Logger& log;
  };

  explicit Closer(const Dependencies& deps);

  // Reads the control log and does what is due. Waits up to `patience` for a record. Moves the
  // ContestEnd on. Returns the pause until the next call.
  std::chrono::nanoseconds step(std::chrono::nanoseconds patience);

  // Ends a step that reads the accepted ids or looks for marks.
  void request_stop() { is_stopping_ = true; }

  // Returns why this process has no lease in a contest that is open.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

 private:
  enum class Marks : std::uint8_t { kNone, kWritten, kFailed };

  void read(std::chrono::nanoseconds patience);
  void act();
  base::Result<void> write_closing();
  void write_marks();
  base::Result<void> write_closed();
  // Returns the pause until the next attempt.
  std::chrono::nanoseconds read_accepted();
  // Logs an error once, not at every attempt. `error` may be null.
  void note(const char* what, const base::Error* error);

  const Dependencies deps_;
  Closing closing_;
  std::vector<ControlRecord> records_;  // of the last read
  // The answer to the last marks. Shared: it may come after this is gone.
  std::shared_ptr<std::atomic<Marks>> marks_ = std::make_shared<std::atomic<Marks>>(Marks::kNone);
  std::atomic<bool> is_stopping_{false};

  mutable std::mutex mutex_;
  std::string last_error_;  // guarded by mutex_
};

// Writes phase and lease.
void write_metrics(base::MetricsWriter& metrics, const ContestEnd& end,
                   const AcceptedIds& accepted);

}  // namespace estadio
