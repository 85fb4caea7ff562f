#include "estadio/faculty/json_scanner.h"

#include <cstdint>

namespace estadio {

bool JsonScanner::hex4(unsigned& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = peek();
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return fail("expected four hexadecimal digits after \\u");
    }
    unit = unit * 16 + digit;
    ++at_;
  }
  return true;
}

void JsonScanner::append_utf8(unsigned code) {
  const auto put = [this](unsigned byte) { scratch_ += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool JsonScanner::unicode_escape() {
  const char* start = at_ - 2;
  unsigned code = 0;
  if (!hex4(code)) return false;
  if (code >= 0xDC00 && code <= 0xDFFF) {
    at_ = start;
    return fail("half of a surrogate pair");
  }
  if (code >= 0xD800 && code <= 0xDBFF) {
    unsigned low = 0;
    if (end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u') {
      at_ += 2;
      if (!hex4(low)) return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      at_ = start;
      return fail("half of a surrogate pair");
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(code);
  return true;
}

bool JsonScanner::escaped_string(const char* start, std::string_view& text) {
  scratch_.assign(start, at_);
  while (at_ != end_) {
    const char c = *at_;
    if (c == '"') {
      ++at_;
      text = scratch_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      return fail("a control character must be escaped in a text");
    }
    ++at_;
    if (c != '\\') {
      scratch_ += c;
      continue;
    }
    if (at_ == end_) break;
    switch (*at_++) {
      case '"': scratch_ += '"'; break;
      case '\\': scratch_ += '\\'; break;
      case '/': scratch_ += '/'; break;
      case 'b': scratch_ += '\b'; break;
      case 'f': scratch_ += '\f'; break;
      case 'n': scratch_ += '\n'; break;
      case 'r': scratch_ += '\r'; break;
      case 't': scratch_ += '\t'; break;
      case 'u':
        if (!unicode_escape()) return false;
        break;
      default: --at_; return fail("unknown escape in a text");
    }
  }
  return fail("the text does not end");
}

bool JsonScanner::skip_nested() {
  std::uint64_t is_object = 0;  // a bit a level
  int depth = 0;
  while (true) {
    skip_space();
    const char c = peek();
    bool value_done = true;
    if (c == '{' || c == '[') {
      if (depth == kDepthMax - 1) return fail("nested deeper than 32 levels");
      is_object = is_object << 1 | (c == '{' ? 1 : 0);
      ++depth;
      ++at_;
      skip_space();
      if (peek() == (c == '{' ? '}' : ']')) {
        ++at_;
        is_object >>= 1;
        --depth;
      } else {
        if (c == '{' && !key()) return false;
        value_done = false;
      }
    } else {
      JsonValue ignored;
      if (!value(ignored)) return false;
    }
    while (value_done) {
      if (depth == 0) return true;
      skip_space();
      const bool in_object = (is_object & 1) != 0;
      if (peek() == ',') {
        ++at_;
        skip_space();
        if (in_object && !key()) return false;
        value_done = false;
      } else if (peek() == (in_object ? '}' : ']')) {
        ++at_;
        is_object >>= 1;
        --depth;
      } else {
        return fail(in_object ? "expected ',' or '}'" : "expected ',' or ']'");
      }
    }
  }
}

bool JsonScanner::key() {
  std::string_view ignored;
  if (!string(ignored)) return false;
  skip_space();
  return expect(':', "expected ':' after the key");
}

}  // namespace estadio
