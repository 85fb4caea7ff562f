// Texts of processes on a terminal.
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigia {

// Returns the first `width` characters of `text`, which may be any bytes. A character that could
// move the cursor or change the direction of the line becomes '?'. So does each byte that is not
// UTF-8.
[[nodiscard]] std::string printable(std::string_view text, std::size_t width);

}  // namespace vigia
