#include "vigia/app/printable.h"

#include <algorithm>

#include "base/utf8.h"

namespace vigia {
namespace {

// Control characters, and those that turn the direction of a line or end it (Unicode Standard 15,
// categories Cc, Zl and Zp, and the bidirectional controls of UAX 9).
bool moves_the_cursor(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (character.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;  // U+0080 to U+009F
  if (character.size() != 3 || byte(0) != 0xe2) return false;
  const bool is_mark = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f);   // U+200E and F
  const bool is_break = byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae;    // U+2028 to E
  const bool is_isolate = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;  // U+2066 to 9
  return is_mark || is_break || is_isolate;
}

}  // namespace

std::string printable(std::string_view text, std::size_t width) {
  std::string shown;
  for (std::size_t count = 0; !text.empty() && count < width; ++count) {
    const std::string_view character = text.substr(0, base::utf8_length(text));
    if (character.empty() || moves_the_cursor(character)) {
      shown += '?';
    } else {
      shown += character;
    }
    text.remove_prefix(std::max<std::size_t>(1, character.size()));
  }
  return shown;
}

}  // namespace vigia
