// A Usage as a table for people.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "vigia/sample/usage.h"

namespace vigia {

// Returns a line for the host, a line for each process at `processes` of the sample, in this
// order, and a line for each container. Texts of processes are base::printable().
[[nodiscard]] std::string to_table(const Usage& usage, std::span<const std::size_t> processes);

}  // namespace vigia
