// Foreign texts on a terminal. Some characters steer a terminal or change the order of a line:
//
//   C0 and DEL      U+0000 to U+001F, U+007F
//   C1              U+0080 to U+009F
//   separators      U+2028, U+2029
//   bidirectional   U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069 (UAX 9)
//
// Threads: functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

// Returns the first `width` characters of `text`, which may be any bytes. Each of the characters
// above becomes '?'. So does each byte that is not part of a UTF-8 character.
[[nodiscard]] std::string printable(std::string_view text,
                                    std::size_t width = std::string_view::npos);

// Returns `json` with an escape, such as \u202e, in place of each of the characters above except
// C0. The JSON means the same, because these characters occur only in its strings. C0 needs no
// escape here: the strings of JSON have it escaped already. The function also serves the logs'
// lines of text.
// REQUIRES: `json` is valid UTF-8.
[[nodiscard]] std::string escape_for_terminal(std::string json);

// Returns escape_for_terminal(json) when `fd` is a terminal, else `json`.
[[nodiscard]] std::string json_for(int fd, std::string json);

}  // namespace base
