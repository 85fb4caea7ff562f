// Reads a range of a partition that the log has for certain.
//
// Threads: any; the function waits for the log.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "estadio/contest/event_log.h"

namespace estadio {

struct LogRange {
  PartitionId partition;
  std::int64_t from = 0;
  std::int64_t until = 0;  // the first offset behind the range
};

enum class ReadOn : std::uint8_t { kStop, kGoOn };

// Gets the range's next records. They are valid until it returns.
using TakeRecords = std::function<base::Result<ReadOn>(std::span<const LoggedRecord>)>;

// Calls `take` until the range ends or `take` returns kStop. An empty range opens no reader.
// Errors: those of the log and of `take`; kUnavailable when the log returns no record for 5 s;
// kCancelled once `is_cancelled`, which may be empty, returns true.
[[nodiscard]] base::Result<void> read_range(EventLog& events, const LogRange& range,
                                            const std::function<bool()>& is_cancelled,
                                            const TakeRecords& take);

}  // namespace estadio
