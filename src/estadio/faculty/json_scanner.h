// Reads JSON (RFC 8259) strictly, value by value. The caller decides what is expected next.
//
// Threads: a JsonScanner belongs to its caller.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

namespace estadio {

enum class JsonType { kString, kInteger, kNumber, kTrue, kFalse, kNull, kObject, kArray };

// A value that was checked to be JSON.
struct JsonValue {
  JsonType type = JsonType::kNull;
  std::string_view text;  // of a string: decoded; of a number: its digits
};

// Reads JSON between `begin` and `end`. A method that reads returns false at the first error. Then
// error() is its text and at() its place.
class JsonScanner {
 public:
  static constexpr int kDepthMax = 32;  // levels of nesting; the entry is the first

  JsonScanner(const char* begin, const char* end, std::string& scratch)
      : at_(begin), end_(end), scratch_(scratch) {}

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] std::string_view error() const { return error_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }
  void advance() { ++at_; }

  // Returns false. Keeps the first error.
  bool fail(std::string_view what) {
    if (error_.empty()) error_ = at_ == end_ ? "the JSON ends here before it is complete" : what;
    return false;
  }

  bool expect(char c, std::string_view what) {
    if (peek() != c || at_ == end_) return fail(what);
    ++at_;
    return true;
  }

  bool fail_at(const char* at, std::string_view what) {
    at_ = at;
    error_ = what;
    return false;
  }

  // Reads a string from its opening quote on. `text` points into the body. When the string has
  // escapes it points into scratch and is valid until the next call.
  bool string(std::string_view& text) {
    if (!expect('"', "expected a text in double quotes")) return false;
    const char* start = at_;
    while (at_ != end_) {
      const char c = *at_;
      if (c == '"') {
        text = {start, static_cast<std::size_t>(at_ - start)};
        ++at_;
        return true;
      }
      if (c == '\\') return escaped_string(start, text);
      if (static_cast<unsigned char>(c) < 0x20) {
        return fail("a control character must be escaped in a text");
      }
      ++at_;
    }
    return fail("the text does not end");
  }

  // Reads one value. An object or array is checked and skipped.
  bool value(JsonValue& value) {
    switch (peek()) {
      case '"': value.type = JsonType::kString; return string(value.text);
      case '{': value.type = JsonType::kObject; return skip_nested();
      case '[': value.type = JsonType::kArray; return skip_nested();
      case 't': value.type = JsonType::kTrue; return word("true");
      case 'f': value.type = JsonType::kFalse; return word("false");
      case 'n': value.type = JsonType::kNull; return word("null");
      default: return number(value);
    }
  }

 private:
  bool word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size()) {
      const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
      if (expected.starts_with(rest)) at_ = end_;
      return fail("expected a JSON value");
    }
    if (std::memcmp(at_, expected.data(), expected.size()) != 0) {
      return fail("expected a JSON value");
    }
    at_ += expected.size();
    return true;
  }

  bool digits() {
    const char* start = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != start || fail("expected a digit");
  }

  bool number(JsonValue& value) {
    const char* start = at_;
    value.type = JsonType::kInteger;
    if (peek() == '-') {
      ++at_;
    } else if (peek() < '0' || peek() > '9') {
      return fail("expected a JSON value");
    }
    if (peek() == '0' && at_ != end_) {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (peek() >= '0' && peek() <= '9') return fail("a number cannot begin with 0");
    if (peek() == '.') {
      value.type = JsonType::kNumber;
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      value.type = JsonType::kNumber;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    value.text = {start, static_cast<std::size_t>(at_ - start)};
    return true;
  }

  bool hex4(unsigned& unit);
  void append_utf8(unsigned code);
  bool unicode_escape();
  // Continues string() at the first escape.
  bool escaped_string(const char* start, std::string_view& text);
  // Checks that an object or array is JSON and skips it.
  bool skip_nested();
  bool key();

  const char* at_;
  const char* const end_;
  std::string& scratch_;
  std::string_view error_;
};

}  // namespace estadio
