// The port to the control log of a contest on several machines. In it the judges agree when the
// contest is over (discipline/closing.h):
//
//   heartbeat   a judge works; its number counts up
//   closing     from here on no judge takes new entries; the first one is final
//   closed      the offset of the first end mark of each partition; the first one is final
//
// The log has one order for all. Its own clock gives each record a time.
//
// The implementations are in log/ and pass control_log_contract.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace estadio {

struct ControlRecord {
  enum class Kind : std::uint8_t { kHeartbeat, kClosing, kClosed };

  Kind kind = Kind::kHeartbeat;
  base::Uuid judge;          // the process that wrote it
  std::uint64_t number = 0;  // of a heartbeat
  // By partition, as all_partitions() has them. Of `closing`: an offset of each partition that is
  // not behind its first end mark. Of `closed`: that of the first end mark.
  std::vector<std::int64_t> offsets;

  // Set by the log.
  std::int64_t appended_ms = 0;

  friend bool operator==(const ControlRecord&, const ControlRecord&) = default;
};

// Threads: append() may be called from any thread. read() belongs to one thread.
class ControlLog {
 public:
  virtual ~ControlLog() = default;

  // Sends the record to the log and does not wait. The record may be lost, late, or in the log
  // twice. So the caller reads it back, and may send it again.
  virtual void append(const ControlRecord& record) = 0;

  // Replaces `records` with the next ones of the log, from its first one on. Waits up to `patience`
  // for one. Leaves `records` empty when none comes in that time.
  // Errors: kCorruption names a record that no judge of this version writes; kUnavailable. After
  // each the caller may try again.
  [[nodiscard]] virtual base::Result<void> read(std::vector<ControlRecord>& records,
                                                std::chrono::nanoseconds patience) = 0;
};

}  // namespace estadio
