#include "base/printable.h"

#include <unistd.h>

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "base/utf8.h"

namespace base {
namespace {

// Returns the code point of a character of one to three bytes, and one beyond them for others.
unsigned code_of(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU);
    case 3: return (byte(0) & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    default: return 0x10000;
  }
}

bool is_c0(unsigned code) { return code < 0x20; }

bool steers_without_c0(unsigned code) {
  const auto is_within = [code](unsigned first, unsigned last) {
    return first <= code && code <= last;
  };
  return is_within(0x7F, 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
         is_within(0x2028, 0x202E) || is_within(0x2066, 0x2069);
}

// Whether a character that steers a terminal may begin with this byte.
bool may_begin_one(char c) { return c == '\x7F' || c == '\xC2' || c == '\xD8' || c == '\xE2'; }

}  // namespace

std::string printable(std::string_view text, std::size_t width) {
  std::string shown;
  for (std::size_t count = 0; !text.empty() && count < width; ++count) {
    const std::string_view character = text.substr(0, utf8_length(text));
    const unsigned code = code_of(character);
    if (character.empty() || is_c0(code) || steers_without_c0(code)) {
      shown += '?';
    } else {
      shown += character;
    }
    text.remove_prefix(std::max<std::size_t>(1, character.size()));
  }
  return shown;
}

std::string escape_for_terminal(std::string json) {
  if (std::ranges::none_of(json, may_begin_one)) return json;
  std::string escaped;
  escaped.reserve(json.size());
  for (std::string_view rest = json; !rest.empty();) {
    const std::string_view character = rest.substr(0, std::max<std::size_t>(1, utf8_length(rest)));
    if (may_begin_one(character.front()) && steers_without_c0(code_of(character))) {
      fmt::format_to(std::back_inserter(escaped), "\\u{:04x}", code_of(character));
    } else {
      escaped += character;
    }
    rest.remove_prefix(character.size());
  }
  return escaped;
}

std::string json_for(int fd, std::string json) {
  return ::isatty(fd) == 1 ? escape_for_terminal(std::move(json)) : json;
}

}  // namespace base
