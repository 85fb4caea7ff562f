#include "vigia/app/usage_table.h"

#include <concepts>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/printable.h"
#include "vigia/sample/fields.h"

namespace vigia {
namespace {

// A field by its name in the catalogue, and the width of its column, to which texts are cut.
struct Place {
  std::string_view field;
  std::size_t width;
};

// Engines shorten ids to 12 digits.
constexpr Place kProcessPlaces[] = {{"pid", 8},        {"uid", 6},        {"cpu_percent", 7},
                                    {"cpu_ns", 10},    {"rss_bytes", 10}, {"name", 16},
                                    {"container", 12}, {"command", 80}};
constexpr Place kContainerPlaces[] = {{"id", 12},
                                      {"runtime", 10},
                                      {"processes", 9},
                                      {"cpu_percent", 7},
                                      {"throttled_percent", 6},
                                      {"cpu_ns", 10},
                                      {"rss_bytes", 10},
                                      {"working_set_bytes", 10},
                                      {"unreclaimable_bytes", 10},
                                      {"memory_max_bytes", 10},
                                      {"oom_kills", 5}};

template <class Value>
constexpr bool kIsText = std::convertible_to<Value, std::string_view>;
template <class Value>
constexpr bool kIsText<std::optional<Value>> = kIsText<Value>;

// The unit in which people read a figure.
std::string_view shown_unit(Unit unit) {
  switch (unit) {
    case Unit::kNanoseconds: return " s";
    case Unit::kBytes: return " MiB";
    case Unit::kPercent: return " %";
    default: return "";
  }
}

template <class Value>
std::string shown(const Value& value, Unit unit, std::size_t width) {
  if constexpr (kIsText<Value>) {
    return base::printable(value, width);
  } else {
    switch (unit) {
      case Unit::kNanoseconds: return fmt::format("{:.2f}", static_cast<double>(value) / 1e9);
      case Unit::kBytes: return fmt::format("{:.1f}", static_cast<double>(value) / (1 << 20));
      case Unit::kPercent: return fmt::format("{:.1f}", static_cast<double>(value));
      default: return fmt::to_string(value);
    }
  }
}

template <class Value>
std::string shown(const std::optional<Value>& value, Unit unit, std::size_t width) {
  if (value) return shown(*value, unit, width);
  return kIsText<Value> ? "" : "-";
}

std::string mib(std::int64_t bytes) { return shown(bytes, Unit::kBytes, 0); }

template <class Object>
struct Column {
  std::string heading;
  std::size_t width;
  bool is_text;  // texts begin at the left of their column, numbers end at its right
  std::function<std::string(const Object&)> cell;
};

template <class Object, class Fields>
std::vector<Column<Object>> columns_of(const Fields& fields, std::span<const Place> places) {
  std::vector<Column<Object>> columns;
  for (const Place& place : places) {
    for_each_field(fields, [&](const auto& field) {
      if (field.name != place.field) return;
      using Value = std::remove_cvref_t<std::invoke_result_t<decltype(field.get), const Object&>>;
      columns.push_back({.heading = fmt::format("{}{}", field.heading, shown_unit(field.unit())),
                         .width = place.width,
                         .is_text = kIsText<Value>,
                         .cell = [&field, width = place.width](const Object& object) {
                           return shown(std::invoke(field.get, object), field.unit(), width);
                         }});
    });
  }
  CHECK(columns.size() == places.size());
  return columns;
}

// A line of the texts that text(column) gives.
template <class Object, class Text>
std::string aligned(const std::vector<Column<Object>>& columns, const Text& text) {
  std::string line;
  for (const Column<Object>& each : columns) {
    const bool is_last = &each == &columns.back();
    const std::size_t width = is_last && each.is_text ? 0 : each.width;
    line += each.is_text ? fmt::format("{:<{}}", text(each), width)
                         : fmt::format("{:>{}}", text(each), width);
    line += is_last ? '\n' : ' ';
  }
  return line;
}

template <class Object>
std::string heading_of(const std::vector<Column<Object>>& columns) {
  return aligned(columns, [](const auto& column) { return column.heading; });
}

template <class Object>
std::string line_of(const std::vector<Column<Object>>& columns, const Object& object) {
  return aligned(columns, [&object](const auto& column) { return column.cell(object); });
}

std::string host_line(const Usage& usage) {
  const Sample& sample = usage.sample;
  return fmt::format(
      "{} processes{}; processors {} % busy of {} %; memory {} MiB available of {}; load {:.2f} "
      "{:.2f} {:.2f}; from {}\n",
      sample.processes.size(),
      sample.hidden > 0 ? fmt::format(", and {} that vigia may not read", sample.hidden) : "",
      shown(usage.busy_percent, Unit::kPercent, 0), 100 * sample.cpus.size(),
      mib(sample.memory.available_bytes), mib(sample.memory.total_bytes), sample.load.one,
      sample.load.five, sample.load.fifteen, base::printable(sample.source, 16));
}

}  // namespace

std::string to_table(const Usage& usage, std::span<const std::size_t> processes) {
  std::string out = host_line(usage) + '\n';
  const auto columns = columns_of<ProcessUsage>(kProcessUsageFields, kProcessPlaces);
  out += heading_of(columns);
  for (const std::size_t place : processes) out += line_of(columns, usage.process(place));
  if (usage.containers.empty()) return out;
  const auto of_containers = columns_of<ContainerUsage>(kContainerUsageFields, kContainerPlaces);
  out += '\n' + heading_of(of_containers);
  for (const ContainerUsage& each : usage.containers) out += line_of(of_containers, each);
  return out;
}

}  // namespace vigia
