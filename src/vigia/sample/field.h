// A field: a figure or text of an object, with its name, kind, unit and help. The catalogues in
// fields.h hold fields in tuples, because each field has its own type.
//
// Threads: values and functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace vigia {

enum class Kind {
  kCounter,    // only grows; two samples give a rate
  kGauge,      // goes up and down
  kTimestamp,  // a point in time
  kLabel,      // identifies or classifies the object
};

enum class Unit { kNone, kNanoseconds, kMilliseconds, kBytes, kPercent };

// The unit that the name of a field ends with.
constexpr Unit unit_of(std::string_view name) {
  if (name.ends_with("_ns")) return Unit::kNanoseconds;
  if (name.ends_with("_ms")) return Unit::kMilliseconds;
  if (name.ends_with("_bytes")) return Unit::kBytes;
  if (name.ends_with("_percent")) return Unit::kPercent;
  return Unit::kNone;
}

// The range of valid values, in addition to the type's own range.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX;
};

// The value is a whole number, a number with decimals, a letter or a text. A value that may be
// unknown is an std::optional; JSON has null for it then.
template <class Get>
struct Field {
  std::string_view name;  // in JSON, with the unit at its end
  Get get;                // std::invoke(get, object) gives the value: a member or a function
  Kind kind;
  std::string_view help;     // what it means, in plain text
  std::string_view heading;  // of its column in the table, without the unit; empty: no column
  Range range;

  constexpr Field(std::string_view its_name, Get its_get, Kind its_kind, std::string_view its_help)
      : name(its_name), get(its_get), kind(its_kind), help(its_help) {}

  [[nodiscard]] constexpr Unit unit() const { return unit_of(name); }

  // The same field with a heading, or with a range.
  [[nodiscard]] constexpr Field headed(std::string_view column) const {
    Field field = *this;
    field.heading = column;
    return field;
  }
  [[nodiscard]] constexpr Field within(std::int64_t least, std::int64_t most) const {
    Field field = *this;
    field.range = {.least = least, .most = most};
    return field;
  }
};

// Calls visit(field) for each field of a catalogue.
template <class Fields, class Visit>
constexpr void for_each_field(const Fields& fields, const Visit& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, fields);
}

// Returns the index in `Fields` of the field whose `get` equals `Get`, as
// place_of<kProcessFields, &Process::pid>.
template <const auto& Fields, auto Get>
consteval std::size_t place_of() {
  std::size_t place = 0;
  bool is_found = false;
  for_each_field(Fields, [&](const auto& field) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field.get)>, decltype(Get)>) {
      is_found = is_found || field.get == Get;
    }
    if (!is_found) ++place;
  });
  // If no field matches, this is the number of fields. std::get<> with it does not compile.
  return place;
}

// Applies `get` to the `Part` of an object.
template <auto Part, class Get>
struct OfPart {
  Get get;

  template <class Object>
  constexpr decltype(auto) operator()(const Object& object) const {
    return std::invoke(get, std::invoke(Part, object));
  }
};

// Adapts a catalogue's field to an outer object whose member `Part` has the field.
template <auto Part, const auto& Fields, auto Get>
consteval auto of_part() {
  const auto& field = std::get<place_of<Fields, Get>()>(Fields);
  using Inner = std::remove_cvref_t<decltype(field.get)>;
  return Field(field.name, OfPart<Part, Inner>{field.get}, field.kind, field.help)
      .headed(field.heading)
      .within(field.range.least, field.range.most);
}

}  // namespace vigia
