#include "vigia/sample/sample_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <simdjson.h>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"
#include "vigia/sample/field_json.h"
#include "vigia/sample/fields.h"

namespace vigia {
namespace {

namespace od = simdjson::ondemand;
using base::JsonObject;

// An error, and its place, which the readers put together on their way back.
struct Problem {
  std::string place;
  std::string what;

  // Both return false, for readers to return.
  bool say(std::string text) {
    what = std::move(text);
    return false;
  }
  bool within(std::string_view outer) {
    const bool is_member = !place.empty() && !place.starts_with('[');
    place = fmt::format("{}{}{}", outer, is_member ? "." : "", place);
    return false;
  }

  bool say_malformed(simdjson::error_code error) {
    return say(fmt::format("malformed JSON: {}", simdjson::error_message(error)));
  }
};

bool read_number(od::value& value, std::int64_t least, std::int64_t most, std::int64_t& into,
                 Problem& problem) {
  const auto error = value.get_int64().get(into);
  if (error == simdjson::SUCCESS && into >= least && into <= most) return true;
  return problem.say(fmt::format("expected a whole number from {} to {}", least, most));
}

bool is_null(od::value& value) {
  bool found = false;
  return value.is_null().get(found) == simdjson::SUCCESS && found;
}

// read_value() reads the value of a field by its type.

template <std::integral Number>
bool read_value(od::value& value, const Range& range, Number& into, Problem& problem) {
  const std::int64_t most = std::min<std::int64_t>(range.most, std::numeric_limits<Number>::max());
  std::int64_t number = 0;
  if (!read_number(value, range.least, most, number, problem)) return false;
  into = static_cast<Number>(number);
  return true;
}

bool read_value(od::value& value, const Range&, double& into, Problem& problem) {
  const auto error = value.get_double().get(into);
  return (error == simdjson::SUCCESS && std::isfinite(into) && into >= 0) ||
         problem.say("expected a number that is not negative");
}

// The one letter is a process's state.
bool read_value(od::value& value, const Range&, char& into, Problem& problem) {
  std::string_view letter;
  if (value.get_string().get(letter) != simdjson::SUCCESS || letter.size() != 1 ||
      kProcessStates.find(letter.front()) == std::string_view::npos) {
    return problem.say(fmt::format("expected one of the letters {}", kProcessStates));
  }
  into = letter.front();
  return true;
}

bool read_value(od::value& value, const Range&, std::string& into, Problem& problem) {
  // Most texts have no escapes. They are copied once, as they are.
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  if (token.size() >= 2 && token.front() == '"' && token.find('"', 1) == token.size() - 1 &&
      token.find('\\') == std::string_view::npos) {
    into = token.substr(1, token.size() - 2);
    return true;
  }
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return problem.say("expected a text");
  if (text.find('\0') != std::string_view::npos) return problem.say("a text cannot hold NUL");
  into = text;
  return true;
}

template <class Value>
bool read_value(od::value& value, const Range& range, std::optional<Value>& into,
                Problem& problem) {
  if (is_null(value)) {
    into = std::nullopt;
    return true;
  }
  if (!into) into.emplace();  // a text that is there keeps its memory
  if (read_value(value, range, *into, problem)) return true;
  problem.what += ", or null";
  return false;
}

// A member of a JSON object, and the function that reads it into an Object.
template <class Object>
struct Member {
  std::string_view name;
  bool (*read)(od::value& value, Object& into, Problem& problem);
  void (*set_missing)(Object& into) = nullptr;  // null: the member must be there
};

template <class Object, std::size_t Count>
using Members = std::array<Member<Object>, Count>;

template <class Object, class Value>
Object owner_of(Value Object::*);
template <const auto& Fields>
using ObjectOf = decltype(owner_of(std::get<0>(Fields).get));

// The field at `Place` of a catalogue.
template <const auto& Fields, std::size_t Place>
constexpr Member<ObjectOf<Fields>> member_at() {
  return {std::get<Place>(Fields).name,
          [](od::value& value, ObjectOf<Fields>& into, Problem& problem) {
            constexpr const auto& kField = std::get<Place>(Fields);
            return read_value(value, kField.range, into.*(kField.get), problem);
          }};
}

// All fields of a catalogue.
template <const auto& Fields>
constexpr auto kMembersOf = []<std::size_t... Place>(std::index_sequence<Place...>) {
  return Members<ObjectOf<Fields>, sizeof...(Place)>{{member_at<Fields, Place>()...}};
}(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(Fields)>>>());

// The place of the member with this key, Count if there is none. Most come in our order.
template <class Object, std::size_t Count>
std::size_t find_member(const Members<Object, Count>& members, od::raw_json_string key,
                        std::size_t likely) {
  if (likely < Count && key.unsafe_is_equal(members[likely].name)) return likely;
  for (std::size_t place = 0; place < Count; ++place) {
    if (key.unsafe_is_equal(members[place].name)) return place;
  }
  return Count;
}

template <class Object, std::size_t Count>
bool read_members(od::object object, const Members<Object, Count>& members, Object& into,
                  Problem& problem) {
  std::uint32_t seen = 0;
  static_assert(Count <= 32);
  std::size_t place = Count - 1;
  for (auto each : object) {
    od::raw_json_string key;
    if (const auto error = each.key().get(key)) return problem.say_malformed(error);
    const std::size_t found = find_member(members, key, (place + 1) % Count);
    if (found == Count) continue;
    place = found;
    const Member<Object>& member = members[place];
    const std::uint32_t bit = std::uint32_t{1} << place;
    if ((seen & bit) != 0) {
      problem.say("is there twice");
      return problem.within(member.name);
    }
    seen |= bit;
    od::value value;
    if (const auto error = each.value().get(value)) return problem.say_malformed(error);
    if (!member.read(value, into, problem)) return problem.within(member.name);
  }
  for (std::size_t i = 0; i < Count; ++i) {
    if ((seen & std::uint32_t{1} << i) != 0) continue;
    if (members[i].set_missing == nullptr) {
      problem.say("is missing");
      return problem.within(members[i].name);
    }
    members[i].set_missing(into);
  }
  return true;
}

template <class Object, std::size_t Count>
bool read_object(od::value& value, const Members<Object, Count>& members, Object& into,
                 Problem& problem) {
  od::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return problem.say("expected an object");
  }
  return read_members(object, members, into, problem);
}

// check(i) returns whether element `i`, which was just read, fits those before it.
template <class Object, std::size_t Count, class Check>
bool read_array(od::value& value, const Members<Object, Count>& members, std::vector<Object>& into,
                Problem& problem, const Check& check) {
  od::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return problem.say("expected an array");
  std::size_t count = 0;
  for (auto element : array) {
    od::value each;
    if (const auto error = element.get(each)) return problem.say_malformed(error);
    if (count == into.size()) into.emplace_back();
    if (!read_object(each, members, into[count], problem) || !check(count)) {
      return problem.within(fmt::format("[{}]", count));
    }
    ++count;
  }
  into.resize(count);
  return true;
}

constexpr auto kAnyOrder = [](std::size_t) { return true; };

bool read_cpus(od::value& value, Sample& into, Problem& problem) {
  return read_array(value, kMembersOf<kCpuFields>, into.cpus, problem, kAnyOrder);
}

bool read_processes(od::value& value, Sample& into, Problem& problem) {
  const auto& processes = into.processes;
  return read_array(value, kMembersOf<kProcessFields>, into.processes, problem, [&](std::size_t i) {
    if (i == 0 || processes[i].pid > processes[i - 1].pid) return true;
    problem.say(fmt::format("expected more than the {} before it, got {}", processes[i - 1].pid,
                            processes[i].pid));
    return problem.within("pid");
  });
}

bool read_cgroups(od::value& value, Sample& into, Problem& problem) {
  if (!read_array(value, kMembersOf<kCgroupFields>, into.cgroups, problem, kAnyOrder)) return false;
  // A writer that replaced bytes of the paths may have changed their order.
  if (!std::ranges::is_sorted(into.cgroups, {}, &Cgroup::path)) {
    std::ranges::stable_sort(into.cgroups, {}, &Cgroup::path);
  }
  return true;
}

template <auto Part, const auto& Fields>
bool read_part(od::value& value, Sample& into, Problem& problem) {
  return read_object(value, kMembersOf<Fields>, into.*Part, problem);
}

constexpr Members<Sample, 4> kHostMembers = {
    {{"cpu", &read_part<&Sample::cpu, kCpuFields>},
     {"cpus", &read_cpus},
     {"memory", &read_part<&Sample::memory, kMemoryFields>},
     {"load", &read_part<&Sample::load, kLoadFields>}}};

bool read_host(od::value& value, Sample& into, Problem& problem) {
  return read_object(value, kHostMembers, into, problem);
}

template <auto Get>
constexpr Member<Sample> sample_member() {
  return member_at<kSampleFields, place_of<kSampleFields, Get>()>();
}

constexpr Members<Sample, 10> kSampleMembers = {{
    {"schema", [](od::value&, Sample&, Problem&) { return true; }},  // read before all others
    sample_member<&Sample::source>(),
    sample_member<&Sample::kernel>(),
    sample_member<&Sample::boot_id>(),
    sample_member<&Sample::wall_ms>(),
    sample_member<&Sample::uptime_ns>(),
    {"hidden_processes", sample_member<&Sample::hidden>().read,
     [](Sample& into) { into.hidden = 0; }},
    {"host", &read_host},
    {"processes", &read_processes},
    {"cgroups", &read_cgroups, [](Sample& into) { into.cgroups.clear(); }},
}};

base::Failure corrupt(const Problem& problem) {
  return base::fail(
      base::Code::kCorruption,
      fmt::format("{}{}{}", problem.place, problem.place.empty() ? "" : ": ", problem.what));
}

base::Failure malformed(simdjson::error_code error) {
  Problem problem;
  problem.say_malformed(error);
  return corrupt(problem);
}

base::Failure corrupt(std::string what) {
  return corrupt(Problem{.place = {}, .what = std::move(what)});
}

// Nothing else is known of a sample with another schema.
base::Result<void> check_schema(od::object& object) {
  std::int64_t schema = 0;
  const auto error = object.find_field_unordered("schema").get_int64().get(schema);
  if (error == simdjson::NO_SUCH_FIELD) return corrupt("schema: is missing");
  if (error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR) {
    return corrupt("schema: expected a whole number");
  }
  if (error != simdjson::SUCCESS) return malformed(error);
  if (schema == kSampleSchema) return {};
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format("schema {} is not known here: expected schema {}", schema, kSampleSchema));
}

template <class Fields, class Object>
void append_objects(std::string& out, const Fields& fields, const std::vector<Object>& objects) {
  append_array(out, objects.size(), [&](std::size_t i) { append_object(out, fields, objects[i]); });
}

}  // namespace

struct SampleReader::Parser {
  od::parser parser{kSampleBytesMax};
  std::string padded;
};

SampleReader::SampleReader() : parser_(std::make_unique<Parser>()) {}
SampleReader::SampleReader(SampleReader&&) noexcept = default;
SampleReader& SampleReader::operator=(SampleReader&&) noexcept = default;
SampleReader::~SampleReader() = default;

base::Result<void> SampleReader::read(std::string_view text, Sample& sample) {
  if (text.size() > kSampleBytesMax) {
    return base::fail(
        base::Code::kResourceExhausted,
        fmt::format("expected at most {} bytes, got {}", kSampleBytesMax, text.size()));
  }
  std::string& padded = parser_->padded;
  padded.assign(text);
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  od::document document;
  if (const auto error =
          parser_->parser.iterate(padded.data(), text.size(), padded.size()).get(document)) {
    return malformed(error);
  }
  od::object object;
  if (const auto error = document.get_object().get(object)) {
    return error == simdjson::INCORRECT_TYPE ? corrupt("expected an object") : malformed(error);
  }
  RETURN_IF_ERROR(check_schema(object));
  document.rewind();
  if (const auto again = document.get_object().get(object)) return malformed(again);
  Problem problem;
  if (!read_members(object, kSampleMembers, sample, problem)) return corrupt(problem);
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return corrupt("expected nothing more after the object");
  }
  return {};
}

base::Result<void> from_json(std::string_view text, Sample& sample) {
  return SampleReader().read(text, sample);
}

std::string to_json(const Sample& sample) {
  std::string out;
  JsonObject json(out);
  json.add("schema", kSampleSchema);
  add_fields(json, kSampleFields, sample);
  JsonObject host(json.key("host"));
  append_object(host.key("cpu"), kCpuFields, sample.cpu);
  append_objects(host.key("cpus"), kCpuFields, sample.cpus);
  append_object(host.key("memory"), kMemoryFields, sample.memory);
  append_object(host.key("load"), kLoadFields, sample.load);
  host.close();
  append_objects(json.key("processes"), kProcessFields, sample.processes);
  append_objects(json.key("cgroups"), kCgroupFields, sample.cgroups);
  json.close();
  return out;
}

}  // namespace vigia
