// How score books write numbers, partitions and their states as text.
//
// Threads: functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// Reads a number of 0 to `most`: decimal digits without a leading zero. Returns nothing for any
// other text.
[[nodiscard]] std::optional<std::int64_t> number_of(std::string_view text,
                                                    std::int64_t most = INT64_MAX);

// "winners/0".
[[nodiscard]] std::string name_of(PartitionId partition);
[[nodiscard]] std::optional<PartitionId> partition_of(std::string_view name);

// The incarnation, the next offset, the chain before the last record and the chain of all, with a
// blank between them: "0193… 40 00c0ffee00c0ffee 0123456789abcdef". Then the offset of the first
// end mark, if it is counted.
[[nodiscard]] std::string text_of(const PartitionState& state);
// Returns nothing for a text that text_of() does not write.
[[nodiscard]] std::optional<PartitionState> state_of(std::string_view text);

}  // namespace estadio
