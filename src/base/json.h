// Appends JSON text (RFC 8259) to a string, without a document tree.
//
// Threads: functions; a JsonObject belongs to one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

// Appends `text` as a JSON string with its quotes. Escapes control characters, quotes and
// backslashes. REQUIRES: `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Appends `text` as a JSON string. Replaces bytes that are not valid UTF-8 by U+FFFD.
void append_json_lossy(std::string& out, std::string_view text);

void append_json_number(std::string& out, std::int64_t number);

// Appends `number` with at most `digits` decimals; null when it is not finite.
void append_json_number(std::string& out, double number, int digits);

// Appends an object's members one after the other. A nested object starts at its key:
//
//   JsonObject object(out);
//   object.add("answered", 12);
//   JsonObject limits(object.key("limits"));
//   limits.close();
//   object.close();
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  void close() { out_ += '}'; }

  // Appends a member's key. The caller appends the value to the returned string.
  std::string& key(std::string_view name);

  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  void add(std::string_view name, Number value) {
    append_json_number(key(name), static_cast<std::int64_t>(value));
  }
  template <std::same_as<bool> Bool>
  void add(std::string_view name, Bool value) {
    key(name) += value ? "true" : "false";
  }
  void add(std::string_view name, double value, int digits) {
    append_json_number(key(name), value, digits);
  }
  // Appends a string, as append_json_lossy() does.
  void add(std::string_view name, std::string_view value) { append_json_lossy(key(name), value); }

 private:
  std::string& out_;
  bool is_first_ = true;
};

}  // namespace base
