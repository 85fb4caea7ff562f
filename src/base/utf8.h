// Validation of UTF-8 (Table 3-7 of the Unicode Standard 15).
//
// Threads: functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace base {

// Returns the length in bytes of the valid sequence at the start of `text`; 0 when there is none.
// REQUIRES: `text` is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

}  // namespace base
