// A Usage as a table for people.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "vigia/sample/usage.h"

namespace vigia {

// A line on the host, then a line for each process in the order of `processes`, then one for each
// container where there are any. Nothing that a process calls itself moves the terminal's cursor.
[[nodiscard]] std::string to_table(const Usage& usage, std::span<const std::size_t> processes);

// `text` with '?' for control characters and for what is not UTF-8, of at most `width` characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t width);

}  // namespace vigia
