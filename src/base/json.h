// Writing JSON text (RFC 8259) into a string that grows: for answers, logs and records, where a
// document tree would cost more than it gives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace base {

// Appends `text`, valid UTF-8, as a JSON string with its quotes. Bytes that are not valid UTF-8
// are the caller's to keep out; control characters, quotes and backslashes are escaped.
void append_json_string(std::string& out, std::string_view text);

// Appends `text`, any bytes, with what is not valid UTF-8 replaced by U+FFFD.
void append_json_lossy(std::string& out, std::string_view text);

void append_json_number(std::string& out, std::int64_t number);

// With at most `digits` decimals; null for what is not finite.
void append_json_number(std::string& out, double number, int digits);

}  // namespace base
