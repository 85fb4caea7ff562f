// Finds the first end mark of each partition. It decides which records count.
//
// Threads: functions; they wait for the log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "estadio/contest/event_log.h"

namespace estadio {

// Returns the offsets of the first end marks, by partition as all_partitions() has them. Returns
// nothing when a partition has none. Reads each partition from its offset in `from` on.
// REQUIRES: no mark is before the offset in `from`.
// Errors: those of the log; kCancelled once `is_cancelled` returns true.
[[nodiscard]] base::Result<std::optional<std::vector<std::int64_t>>> find_first_marks(
    EventLog& events, const std::vector<std::int64_t>& from,
    const std::function<bool()>& is_cancelled);

// Returns the end of each partition. Errors: those of the log.
[[nodiscard]] base::Result<std::vector<std::int64_t>> ends_of(EventLog& events);

}  // namespace estadio
