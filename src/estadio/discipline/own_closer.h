// Ends a contest in one process. When the clock is past the end, it writes the end marks. From then
// on the log refuses everything. Once the marks are durable the contest is closed, whatever the
// clock says later, also after a start. Then it reads the accepted ids.
//
// Threads: step() belongs to one thread. request_stop() may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/event_log.h"
#include "estadio/discipline/accepted_ids.h"

namespace estadio {

class OwnCloser {
 public:
  // REQUIRES: all of these outlive the OwnCloser.
  struct Dependencies {
    std::optional<std::int64_t> closes_at_ms;
    EventLog& events;
    ContestEnd& end;
    AcceptedIds& accepted;
    const base::Clock& clock;
    base::Logger& log;
  };
  // kEnded: the log has its end marks.
  enum class LogState : std::uint8_t { kOpen, kEnded };

  OwnCloser(const Dependencies& deps, LogState state);

  // Does what is due. Returns the pause until the next call.
  std::chrono::nanoseconds step();

  // Ends a step that reads the accepted ids.
  void request_stop() { is_stopping_ = true; }

 private:
  enum class Marks : std::uint8_t { kNone, kPending, kWritten, kFailed };

  void end_log();
  std::chrono::nanoseconds read_accepted();

  const Dependencies deps_;
  std::shared_ptr<std::atomic<Marks>> marks_ = std::make_shared<std::atomic<Marks>>(Marks::kNone);
  base::Nanos failed_at_{};
  std::string last_error_;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace estadio
