// Writes objects as JSON by their catalogues (fields.h).
//
// Threads: functions.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "vigia/sample/field.h"

namespace vigia {

template <class Value>
void add_value(base::JsonObject& json, std::string_view name, const Value& value) {
  if constexpr (std::floating_point<Value>) {
    json.add(name, value, unit_of(name) == Unit::kPercent ? 3 : 2);
  } else if constexpr (std::same_as<Value, char>) {
    json.add(name, std::string_view(&value, 1));
  } else {
    json.add(name, value);
  }
}

template <class Value>
void add_value(base::JsonObject& json, std::string_view name, const std::optional<Value>& value) {
  if (value) {
    add_value(json, name, *value);
  } else {
    json.key(name) += "null";
  }
}

// Adds the fields of a catalogue as members, in its order.
template <class Fields, class Object>
void add_fields(base::JsonObject& json, const Fields& fields, const Object& object) {
  for_each_field(fields, [&](const auto& field) {
    add_value(json, field.name, std::invoke(field.get, object));
  });
}

// Appends an object with the fields of a catalogue alone.
template <class Fields, class Object>
void append_object(std::string& out, const Fields& fields, const Object& object) {
  base::JsonObject json(out);
  add_fields(json, fields, object);
  json.close();
}

// Appends an array of `count` values. append(i) appends one of them.
template <class Append>
void append_array(std::string& out, std::size_t count, const Append& append) {
  out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append(i);
  }
  out += ']';
}

}  // namespace vigia
