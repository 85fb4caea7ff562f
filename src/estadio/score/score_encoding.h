// How score books write numbers and partitions as text.
//
// Threads: functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "estadio/contest/event_log.h"

namespace estadio {

// Reads a number of 0 to `most`: decimal digits without a leading zero. Returns nothing for any
// other text.
[[nodiscard]] std::optional<std::int64_t> number_of(std::string_view text,
                                                    std::int64_t most = INT64_MAX);

// "winners/0".
[[nodiscard]] std::string name_of(PartitionId partition);
[[nodiscard]] std::optional<PartitionId> partition_of(std::string_view name);

}  // namespace estadio
