#include "vigia/sample/sample_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <simdjson.h>
#include <utility>

namespace vigia {
namespace {

namespace od = simdjson::ondemand;
using base::JsonObject;

constexpr int kLoadDigits = 2;
// Of what is summed up within a process: a sum of four is a number still.
constexpr std::int64_t kPartMax = INT64_MAX / 4;
constexpr std::int64_t kWallMsMax = 253'402'300'799'999;  // the year 9999 ends

// What does not fit, and where. The place is put together on the way up.
struct Problem {
  std::string place;
  std::string what;

  bool say(std::string text) {
    what = std::move(text);
    return false;
  }
  bool say_malformed(simdjson::error_code error) {
    return say(fmt::format("malformed JSON: {}", simdjson::error_message(error)));
  }
  bool within(std::string_view outer) {
    const bool is_member = !place.empty() && !place.starts_with('[');
    place = fmt::format("{}{}{}", outer, is_member ? "." : "", place);
    return false;
  }
};

// A member of the object that stands for a Struct.
template <class Struct>
struct Field {
  std::string_view name;
  bool (*read)(od::value& value, Struct& into, Problem& problem);
  void (*write)(JsonObject& object, std::string_view name, const Struct& from);
  void (*set_missing)(Struct& into) = nullptr;  // null: it must be there
};

template <class Struct, std::size_t Count>
using Fields = std::array<Field<Struct>, Count>;

template <class Owner, class Type>
Owner owner_of(Type Owner::*);
template <auto Member>
using OwnerOf = decltype(owner_of(Member));

bool read_number(od::value& value, std::int64_t least, std::int64_t most, std::int64_t& into,
                 Problem& problem) {
  const auto error = value.get_int64().get(into);
  if (error == simdjson::SUCCESS && into >= least && into <= most) return true;
  return problem.say(fmt::format("expected a whole number from {} to {}", least, most));
}

bool read_text(od::value& value, std::string& into, Problem& problem) {
  // Most stand as they are to be, and are copied once.
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

template <auto Member, std::int64_t Least = 0,
          std::int64_t Most = std::numeric_limits<
              std::remove_reference_t<decltype(std::declval<OwnerOf<Member>>().*Member)>>::max()>
constexpr Field<OwnerOf<Member>> number(std::string_view name) {
  using Struct = OwnerOf<Member>;
  using Type = std::remove_reference_t<decltype(std::declval<Struct>().*Member)>;
  return {name,
          [](od::value& value, Struct& into, Problem& problem) {
            std::int64_t count = 0;
            if (!read_number(value, Least, Most, count, problem)) return false;
            into.*Member = static_cast<Type>(count);
            return true;
          },
          [](JsonObject& object, std::string_view key, const Struct& from) {
            object.add(key, from.*Member);
          }};
}

template <auto Member>
constexpr Field<OwnerOf<Member>> average(std::string_view name) {
  using Struct = OwnerOf<Member>;
  return {name,
          [](od::value& value, Struct& into, Problem& problem) {
            const auto error = value.get_double().get(into.*Member);
            const double number = error == simdjson::SUCCESS ? into.*Member : -1;
            return (std::isfinite(number) && number >= 0) ||
                   problem.say("expected a number that is not negative");
          },
          [](JsonObject& object, std::string_view key, const Struct& from) {
            object.add(key, from.*Member, kLoadDigits);
          }};
}

template <auto Member>
constexpr Field<OwnerOf<Member>> text(std::string_view name) {
  using Struct = OwnerOf<Member>;
  return {name,
          [](od::value& value, Struct& into, Problem& problem) {
            return read_text(value, into.*Member, problem);
          },
          [](JsonObject& object, std::string_view key, const Struct& from) {
            object.add(key, from.*Member);
          }};
}

template <auto Member>
constexpr Field<OwnerOf<Member>> figure(std::string_view name) {
  using Struct = OwnerOf<Member>;
  return {name,
          [](od::value& value, Struct& into, Problem& problem) {
            bool is_null = false;
            if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) {
              into.*Member = std::nullopt;
              return true;
            }
            std::int64_t count = 0;
            if (!read_number(value, 0, INT64_MAX, count, problem)) {
              problem.what += ", or null";
              return false;
            }
            into.*Member = count;
            return true;
          },
          [](JsonObject& object, std::string_view key, const Struct& from) {
            if (from.*Member) {
              object.add(key, *(from.*Member));
            } else {
              object.key(key) += "null";
            }
          }};
}

bool read_state(od::value& value, Process& into, Problem& problem) {
  std::string_view letter;
  if (value.get_string().get(letter) != simdjson::SUCCESS || letter.size() != 1 ||
      kProcessStates.find(letter.front()) == std::string_view::npos) {
    return problem.say(fmt::format("expected one of the letters {}", kProcessStates));
  }
  into.state = letter.front();
  return true;
}

// The place of the field that is so named, Count when there is none. Most come in our order.
template <class Struct, std::size_t Count>
std::size_t find_field(const Fields<Struct, Count>& fields, od::raw_json_string key,
                       std::size_t likely) {
  if (likely < Count && key.unsafe_is_equal(fields[likely].name)) return likely;
  for (std::size_t place = 0; place < Count; ++place) {
    if (key.unsafe_is_equal(fields[place].name)) return place;
  }
  return Count;
}

template <class Struct, std::size_t Count>
bool read_object(od::object object, const Fields<Struct, Count>& fields, Struct& into,
                 Problem& problem) {
  std::uint32_t seen = 0;
  static_assert(Count <= 32);
  std::size_t place = Count - 1;
  for (auto member : object) {
    od::raw_json_string key;
    if (const auto error = member.key().get(key)) return problem.say_malformed(error);
    const std::size_t found = find_field(fields, key, (place + 1) % Count);
    if (found == Count) continue;
    place = found;
    const Field<Struct>& field = fields[place];
    const std::uint32_t bit = std::uint32_t{1} << place;
    if ((seen & bit) != 0) {
      problem.say("is there twice");
      return problem.within(field.name);
    }
    seen |= bit;
    od::value value;
    if (const auto error = member.value().get(value)) return problem.say_malformed(error);
    if (!field.read(value, into, problem)) return problem.within(field.name);
  }
  for (std::size_t i = 0; i < Count; ++i) {
    if ((seen & std::uint32_t{1} << i) != 0) continue;
    if (fields[i].set_missing == nullptr) {
      problem.say("is missing");
      return problem.within(fields[i].name);
    }
    fields[i].set_missing(into);
  }
  return true;
}

template <class Struct, std::size_t Count>
bool read_value(od::value& value, const Fields<Struct, Count>& fields, Struct& into,
                Problem& problem) {
  od::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return problem.say("expected an object");
  }
  return read_object(object, fields, into, problem);
}

// `check(i)` tells of the element that was just read whether it may stand there.
template <class Struct, std::size_t Count, class Check>
bool read_array(od::value& value, const Fields<Struct, Count>& fields, std::vector<Struct>& into,
                Problem& problem, const Check& check) {
  od::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return problem.say("expected an array");
  std::size_t count = 0;
  for (auto element : array) {
    od::value each;
    if (const auto error = element.get(each)) return problem.say_malformed(error);
    if (count == into.size()) into.emplace_back();
    if (!read_value(each, fields, into[count], problem) || !check(count)) {
      return problem.within(fmt::format("[{}]", count));
    }
    ++count;
  }
  into.resize(count);
  return true;
}

template <class Struct, std::size_t Count>
void write_object(JsonObject& object, const Fields<Struct, Count>& fields, const Struct& from) {
  for (const Field<Struct>& field : fields) field.write(object, field.name, from);
}

template <class Struct, std::size_t Count>
void write_value(std::string& out, const Fields<Struct, Count>& fields, const Struct& from) {
  JsonObject object(out);
  write_object(object, fields, from);
  object.close();
}

template <auto Member, const auto& Table>
constexpr Field<Sample> object_of(std::string_view name) {
  return {name,
          [](od::value& value, Sample& into, Problem& problem) {
            return read_value(value, Table, into.*Member, problem);
          },
          [](JsonObject& object, std::string_view key, const Sample& from) {
            write_value(object.key(key), Table, from.*Member);
          }};
}

template <auto Member, const auto& Table>
void write_array(JsonObject& object, std::string_view key, const Sample& from) {
  std::string& out = object.key(key);
  append_json_array(out, (from.*Member).size(),
                    [&](std::size_t i) { write_value(out, Table, (from.*Member)[i]); });
}

constexpr Fields<CpuTimes, 8> kCpuTimes = {
    {number<&CpuTimes::user_ns>("user_ns"), number<&CpuTimes::nice_ns>("nice_ns"),
     number<&CpuTimes::system_ns>("system_ns"), number<&CpuTimes::idle_ns>("idle_ns"),
     number<&CpuTimes::iowait_ns>("iowait_ns"), number<&CpuTimes::irq_ns>("irq_ns"),
     number<&CpuTimes::softirq_ns>("softirq_ns"), number<&CpuTimes::steal_ns>("steal_ns")}};

constexpr Fields<Memory, 8> kMemory = {
    {number<&Memory::total_bytes>("total_bytes"), number<&Memory::free_bytes>("free_bytes"),
     number<&Memory::available_bytes>("available_bytes"),
     number<&Memory::buffers_bytes>("buffers_bytes"), number<&Memory::cached_bytes>("cached_bytes"),
     number<&Memory::slab_reclaimable_bytes>("slab_reclaimable_bytes"),
     figure<&Memory::swap_total_bytes>("swap_total_bytes"),
     number<&Memory::swap_free_bytes>("swap_free_bytes")}};

constexpr Fields<Load, 3> kLoad = {
    {average<&Load::one>("one"), average<&Load::five>("five"), average<&Load::fifteen>("fifteen")}};

constexpr Fields<Process, 17> kProcess = {
    {number<&Process::pid, 1>("pid"), number<&Process::ppid>("ppid"),
     number<&Process::threads>("threads"),
     number<&Process::oom_score_adj, -1000, 1000>("oom_score_adj"), number<&Process::uid>("uid"),
     Field<Process>{"state", &read_state,
                    [](JsonObject& object, std::string_view name, const Process& from) {
                      object.add(name, std::string_view(&from.state, 1));
                    }},
     number<&Process::start_ns>("start_ns"), number<&Process::read_ns>("read_ns"),
     number<&Process::user_ns, 0, kPartMax>("user_ns"),
     number<&Process::system_ns, 0, kPartMax>("system_ns"),
     number<&Process::vsz_bytes>("vsz_bytes"),
     number<&Process::rss_anon_bytes, 0, kPartMax>("rss_anon_bytes"),
     number<&Process::rss_file_bytes, 0, kPartMax>("rss_file_bytes"),
     number<&Process::rss_shmem_bytes, 0, kPartMax>("rss_shmem_bytes"),
     text<&Process::name>("name"), text<&Process::command>("command"),
     text<&Process::cgroup>("cgroup")}};

constexpr Fields<Cgroup, 19> kCgroup = {
    {text<&Cgroup::path>("path"), number<&Cgroup::read_ns>("read_ns"),
     figure<&Cgroup::cpu_ns>("cpu_ns"), figure<&Cgroup::user_ns>("user_ns"),
     figure<&Cgroup::system_ns>("system_ns"), figure<&Cgroup::periods>("periods"),
     figure<&Cgroup::throttled_periods>("throttled_periods"),
     figure<&Cgroup::throttled_ns>("throttled_ns"), figure<&Cgroup::memory_bytes>("memory_bytes"),
     figure<&Cgroup::working_set_bytes>("working_set_bytes"),
     figure<&Cgroup::unreclaimable_bytes>("unreclaimable_bytes"),
     figure<&Cgroup::peak_bytes>("peak_bytes"),
     figure<&Cgroup::memory_max_bytes>("memory_max_bytes"), figure<&Cgroup::ooms>("ooms"),
     figure<&Cgroup::oom_kills>("oom_kills"), figure<&Cgroup::pids>("pids"),
     figure<&Cgroup::pids_max>("pids_max"), figure<&Cgroup::io_read_bytes>("io_read_bytes"),
     figure<&Cgroup::io_written_bytes>("io_written_bytes")}};

constexpr Field<Sample> kCpus = {"cpus",
                                 [](od::value& value, Sample& into, Problem& problem) {
                                   return read_array(value, kCpuTimes, into.cpus, problem,
                                                     [](std::size_t) { return true; });
                                 },
                                 &write_array<&Sample::cpus, kCpuTimes>};

constexpr Fields<Sample, 4> kHost = {{object_of<&Sample::cpu, kCpuTimes>("cpu"), kCpus,
                                      object_of<&Sample::memory, kMemory>("memory"),
                                      object_of<&Sample::load, kLoad>("load")}};

bool read_boot_id(od::value& value, Sample& into, Problem& problem) {
  bool is_null = false;
  if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) {
    into.boot_id.clear();
    return true;
  }
  return read_text(value, into.boot_id, problem);
}

bool read_processes(od::value& value, Sample& into, Problem& problem) {
  const auto& processes = into.processes;
  return read_array(value, kProcess, into.processes, problem, [&](std::size_t i) {
    if (i == 0 || processes[i].pid > processes[i - 1].pid) return true;
    problem.say(fmt::format("expected more than the {} before it, got {}", processes[i - 1].pid,
                            processes[i].pid));
    return problem.within("pid");
  });
}

bool read_cgroups(od::value& value, Sample& into, Problem& problem) {
  if (!read_array(value, kCgroup, into.cgroups, problem, [](std::size_t) { return true; })) {
    return false;
  }
  // What was not UTF-8 in the paths may have changed their order.
  if (!std::ranges::is_sorted(into.cgroups, {}, &Cgroup::path)) {
    std::ranges::stable_sort(into.cgroups, {}, &Cgroup::path);
  }
  return true;
}

constexpr Field<Sample> optional(Field<Sample> field, void (*set_missing)(Sample&)) {
  field.set_missing = set_missing;
  return field;
}

constexpr Fields<Sample, 10> kSample = {
    {Field<Sample>{"schema",
                   [](od::value&, Sample&, Problem&) { return true; },  // looked at before all else
                   [](JsonObject& object, std::string_view name, const Sample&) {
                     object.add(name, kSampleSchema);
                   }},
     text<&Sample::source>("source"), text<&Sample::kernel>("kernel"),
     Field<Sample>{"boot_id", &read_boot_id,
                   [](JsonObject& object, std::string_view name, const Sample& from) {
                     if (from.boot_id.empty()) {
                       object.key(name) += "null";
                     } else {
                       object.add(name, from.boot_id);
                     }
                   }},
     number<&Sample::wall_ms, 0, kWallMsMax>("wall_ms"), number<&Sample::uptime_ns>("uptime_ns"),
     optional(number<&Sample::hidden>("hidden_processes"), [](Sample& into) { into.hidden = 0; }),
     Field<Sample>{"host",
                   [](od::value& value, Sample& into, Problem& problem) {
                     return read_value(value, kHost, into, problem);
                   },
                   [](JsonObject& object, std::string_view name, const Sample& from) {
                     write_value(object.key(name), kHost, from);
                   }},
     Field<Sample>{"processes", &read_processes, &write_array<&Sample::processes, kProcess>},
     optional(Field<Sample>{"cgroups", &read_cgroups, &write_array<&Sample::cgroups, kCgroup>},
              [](Sample& into) { into.cgroups.clear(); })}};

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
  // Of another one nothing else is known.
  std::int64_t schema = 0;
  const auto error = object.find_field_unordered("schema").get_int64().get(schema);
  if (error == simdjson::NO_SUCH_FIELD) return corrupt("schema: is missing");
  if (error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR) {
    return corrupt("schema: expected a whole number");
  }
  if (error != simdjson::SUCCESS) return malformed(error);
  if (schema != kSampleSchema) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("schema {} is not known here: expected schema {}", schema, kSampleSchema));
  }
  document.rewind();
  if (const auto again = document.get_object().get(object)) return malformed(again);
  Problem problem;
  if (!read_object(object, kSample, sample, problem)) return corrupt(problem);
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
  write_value(out, kSample, sample);
  return out;
}

void add_cpu_times(JsonObject& object, const CpuTimes& times) {
  write_object(object, kCpuTimes, times);
}

void add_memory(JsonObject& object, const Memory& memory) { write_object(object, kMemory, memory); }

void add_load(JsonObject& object, const Load& load) { write_object(object, kLoad, load); }

}  // namespace vigia
