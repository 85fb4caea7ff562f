// Writing JSON text (RFC 8259) into a string that grows: for answers, logs and records, where a
// document tree would cost more than it gives.
#pragma once

#include <concepts>
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

// Appends an object's members one after the other; one that is nested is begun at its key:
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

  // Begins a member, whose value the caller appends to what this gives.
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
  // Any bytes.
  void add(std::string_view name, std::string_view value) { append_json_lossy(key(name), value); }

 private:
  std::string& out_;
  bool is_first_ = true;
};

}  // namespace base
