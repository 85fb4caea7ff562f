#include "vigia/sample/sample_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <concepts>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "vigia/sample/fields.h"

namespace vigia {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr unsigned kSeed = 20261123;

// Draws a sample. Each field of the catalogue gets any value that it may have.
class Samples {
 public:
  explicit Samples(unsigned seed) : random_(seed) {}

  Sample next() {
    Sample sample;
    fill(kSampleFields, sample);
    fill(kCpuFields, sample.cpu);
    sample.cpus.resize(static_cast<std::size_t>(below(4)));
    for (CpuTimes& each : sample.cpus) fill(kCpuFields, each);
    fill(kMemoryFields, sample.memory);
    fill(kLoadFields, sample.load);
    std::int32_t pid = 0;
    for (std::int64_t left = below(6); left > 0; --left) {
      Process& process = sample.processes.emplace_back();
      fill(kProcessFields, process);
      process.pid = pid += 1 + static_cast<std::int32_t>(below(100'000'000));
    }
    for (std::int64_t left = below(4); left > 0; --left) {
      Cgroup& cgroup = sample.cgroups.emplace_back();
      fill(kCgroupFields, cgroup);
      cgroup.path = fmt::format("/{:02}", sample.cgroups.size()) + cgroup.path;
    }
    return sample;
  }

 private:
  template <class Fields, class Object>
  void fill(const Fields& fields, Object& object) {
    for_each_field(fields, [&](const auto& field) { set(field.range, object.*(field.get)); });
  }

  template <std::integral Number>
  void set(const Range& range, Number& number) {
    const std::int64_t most =
        std::min<std::int64_t>(range.most, std::numeric_limits<Number>::max());
    number = static_cast<Number>(any_number(range.least, most));
  }
  template <class Value>
  void set(const Range& range, std::optional<Value>& value) {
    if (below(3) > 0) set(range, value.emplace());
  }
  void set(const Range&, double& number) { number = static_cast<double>(below(1'000'000)) / 100; }
  void set(const Range&, char& state) {
    state = kProcessStates[static_cast<std::size_t>(below(kProcessStates.size()))];
  }
  // Any bytes but NUL; some are not UTF-8.
  void set(const Range&, std::string& text) {
    text.clear();
    for (std::int64_t left = below(80); left > 0; --left) {
      constexpr std::string_view kHostile = "\"\\/\n\x1b\x7f\xff\xc3\xb1\xed\xa0\x80{[,:]} ";
      text += below(2) == 0 ? kHostile[static_cast<std::size_t>(below(kHostile.size()))]
                            : static_cast<char>(1 + below(255));
    }
  }

  // Small and large numbers are equally likely, and the largest one occurs.
  std::int64_t any_number(std::int64_t least, std::int64_t most) {
    if (below(16) == 0) return most;
    const auto size = static_cast<std::int64_t>(random_() >> (1 + below(63)));
    return least + size % (most - least);
  }
  std::int64_t below(std::uint64_t bound) { return static_cast<std::int64_t>(random_() % bound); }

  std::mt19937_64 random_;
};

std::string repaired(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    valid += length > 0 ? text.substr(0, length) : "\uFFFD";
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return valid;
}

// Returns the sample with the texts that JSON can hold.
Sample repaired(Sample sample) {
  sample.source = repaired(sample.source);
  sample.kernel = repaired(sample.kernel);
  if (sample.boot_id) sample.boot_id = repaired(*sample.boot_id);
  for (Process& each : sample.processes) {
    for (std::string* text : {&each.name, &each.command, &each.cgroup}) *text = repaired(*text);
  }
  for (Cgroup& each : sample.cgroups) each.path = repaired(each.path);
  return sample;
}

void expect_equal(const Sample& got, const Sample& expected) {
  EXPECT_EQ(got.source, expected.source);
  EXPECT_EQ(got.kernel, expected.kernel);
  EXPECT_EQ(got.boot_id, expected.boot_id);
  EXPECT_EQ(got.wall_ms, expected.wall_ms);
  EXPECT_EQ(got.uptime_ns, expected.uptime_ns);
  EXPECT_EQ(got.cpu, expected.cpu);
  EXPECT_EQ(got.cpus, expected.cpus);
  EXPECT_EQ(got.memory, expected.memory);
  EXPECT_EQ(got.load, expected.load);
  EXPECT_EQ(got.processes, expected.processes);
  EXPECT_EQ(got.cgroups, expected.cgroups);
  EXPECT_EQ(got.hidden, expected.hidden);
}

// A sample whose members have different values.
Sample made() {
  Sample sample = Samples(kSeed).next();
  sample.source = "proc";
  sample.kernel = "6.1.0";
  sample.boot_id = "boot";
  sample.cpus.resize(1);
  Process first;
  first.pid = 4;
  first.state = 'S';
  first.start_ns = 77;
  first.name = "sleep";
  Process second = first;
  second.pid = 9;
  second.command = "second";
  sample.processes = {first, second};
  sample.cgroups.resize(1);
  sample.cgroups[0].path = "/a";
  sample.cgroups[0].cpu_ns.reset();
  return sample;
}

std::string refusal(std::string_view text) {
  Sample sample;
  const auto done = from_json(text, sample);
  if (done) return "none";
  EXPECT_EQ(done.error().code(), base::Code::kCorruption) << done.error().message();
  return done.error().message();
}

// Returns the error after a part of the text of made() is replaced.
std::string refusal_of(std::string_view part, std::string_view other) {
  std::string text = to_json(made());
  const auto at = text.find(part);
  if (at == std::string::npos) return fmt::format("there is no {}", part);
  return refusal(text.replace(at, part.size(), other));
}

TEST(SampleJsonTest, AnySampleIsReadAsItWasWritten) {
  Samples samples(kSeed);
  SampleReader reader;
  Sample read;  // one for all: old values do not matter
  for (int i = 0; i < 500; ++i) {
    SCOPED_TRACE(fmt::format("seed {}, sample {}", kSeed, i));
    const Sample sample = samples.next();
    const std::string text = to_json(sample);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const auto done = reader.read(text, read);
    ASSERT_TRUE(done) << done.error().message() << "\n" << text;
    expect_equal(read, repaired(sample));
    EXPECT_EQ(to_json(read), text);
  }
}

TEST(SampleJsonTest, ItIsWrittenAsDocumented) {
  const auto json = boost::json::parse(to_json(made()));
  std::vector<std::string> names;
  for (const auto& member : json.as_object()) names.emplace_back(member.key());
  EXPECT_EQ(names, (std::vector<std::string>{"schema", "source", "kernel", "boot_id", "wall_ms",
                                             "uptime_ns", "hidden_processes", "host", "processes",
                                             "cgroups"}));
  EXPECT_EQ(json.at("schema").as_int64(), 1);
  EXPECT_EQ(json.at_pointer("/processes/0/pid").as_int64(), 4);
  EXPECT_EQ(json.at_pointer("/processes/0/state").as_string(), "S");
  EXPECT_EQ(json.at_pointer("/processes/1/command").as_string(), "second");
  EXPECT_TRUE(json.at_pointer("/cgroups/0/cpu_ns").is_null());
}

TEST(SampleJsonTest, MembersComeInAnyOrderAndOthersAreSkipped) {
  const Sample sample = made();
  const auto json = boost::json::parse(to_json(sample));
  // Reverse the members of all objects.
  const auto turn = [](const auto& self, const boost::json::value& value) -> boost::json::value {
    if (value.is_array()) {
      boost::json::array turned;
      for (const auto& each : value.as_array()) turned.push_back(self(self, each));
      return turned;
    }
    if (!value.is_object()) return value;
    boost::json::object turned = {{"later", {{"pid", {1, {{"pid", "\\\"]}"}}}}}}};
    std::vector<boost::json::key_value_pair> members(value.as_object().begin(),
                                                     value.as_object().end());
    for (auto each = members.rbegin(); each != members.rend(); ++each) {
      turned.emplace(each->key(), self(self, each->value()));
    }
    return turned;
  };
  const std::string text = boost::json::serialize(turn(turn, json));
  Sample read;
  const auto done = from_json(" \t\r\n" + text + "\n", read);
  ASSERT_TRUE(done) << done.error().message();
  expect_equal(read, sample);
}

TEST(SampleJsonTest, CgroupsAndHiddenProcessesMayBeMissing) {
  Sample sample = made();
  std::string text = to_json(sample);
  text.erase(text.find(",\"cgroups\""));
  text += '}';
  const std::string hidden = fmt::format("\"hidden_processes\":{},", sample.hidden);
  text.erase(text.find(hidden), hidden.size());
  Sample read = made();
  ASSERT_TRUE(from_json(text, read));
  sample.cgroups.clear();
  sample.hidden = 0;
  expect_equal(read, sample);
}

TEST(SampleJsonTest, AnUnknownBootIsNull) {
  Sample sample = made();
  sample.boot_id = std::nullopt;
  const std::string text = to_json(sample);
  EXPECT_THAT(text, HasSubstr("\"boot_id\":null"));
  Sample read = made();
  ASSERT_TRUE(from_json(text, read));
  EXPECT_EQ(read.boot_id, std::nullopt);
}

TEST(SampleJsonTest, CgroupsAreInOrderOfPathAlsoWhereThatWasNotUtf8) {
  Sample sample = made();
  sample.cgroups.resize(2);
  sample.cgroups[0].path = "/\xc3";
  sample.cgroups[1].path = "/\xc3\xb1";
  sample.cgroups[1].pids = 2;
  Sample read;
  ASSERT_TRUE(from_json(to_json(sample), read));
  EXPECT_EQ(read.cgroups[0].path, "/\u00f1");
  EXPECT_EQ(read.cgroups[0].pids, 2);
  EXPECT_EQ(read.cgroups[1].path, "/\uFFFD");
}

TEST(SampleJsonTest, AnotherSchemaIsReportedBeforeAllElse) {
  Sample sample;
  for (const std::string text :
       {R"({"schema":2})", R"({"processes":"none now","schema":2,"host":[]})"}) {
    const auto done = from_json(text, sample);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), base::Code::kFailedPrecondition);
    EXPECT_EQ(done.error().message(), "schema 2 is not known here: expected schema 1");
  }
  EXPECT_EQ(refusal(R"({"processes":[]})"), "schema: is missing");
  EXPECT_EQ(refusal(R"({"schema":"1"})"), "schema: expected a whole number");
  EXPECT_EQ(refusal(R"({"schema":1.5})"), "schema: expected a whole number");
}

TEST(SampleJsonTest, AnErrorNamesItsPlace) {
  constexpr std::string_view kAny = "expected a whole number from 0 to 9223372036854775807";
  const std::vector<std::array<std::string, 3>> cases = {
      {R"("start_ns":77)", R"("start_ns":"77")", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":-1)", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":1.5)", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":1e3)", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":077)", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":null)", fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("start_ns":77)", R"("start_ns":9223372036854775808)",
       fmt::format("processes[0].start_ns: {}", kAny)},
      {R"("user_ns":0,"system_ns":0,"vsz)", R"("user_ns":2305843009213693952,"system_ns":0,"vsz)",
       "processes[0].user_ns: expected a whole number from 0 to 2305843009213693951"},
      {R"("start_ns":77,)", "", "processes[0].start_ns: is missing"},
      {R"("start_ns":77,)", R"("start_ns":77,"start_ns":77,)",
       "processes[0].start_ns: is there twice"},
      {R"("pid":4)", R"("pid":0)",
       "processes[0].pid: expected a whole number from 1 to 2147483647"},
      {R"("pid":9)", R"("pid":4)", "processes[1].pid: expected more than the 4 before it, got 4"},
      {R"("pid":9)", R"("pid":3)", "processes[1].pid: expected more than the 4 before it, got 3"},
      {R"("uid":0)", R"("uid":4294967296)",
       "processes[0].uid: expected a whole number from 0 to 4294967295"},
      {R"("oom_score_adj":0)", R"("oom_score_adj":-1001)",
       "processes[0].oom_score_adj: expected a whole number from -1000 to 1000"},
      {R"("state":"S")", R"("state":"")",
       "processes[0].state: expected one of the letters RSDTtXZPI"},
      {R"("state":"S")", R"("state":"Q")",
       "processes[0].state: expected one of the letters RSDTtXZPI"},
      {R"("state":"S")", R"("state":"SS")",
       "processes[0].state: expected one of the letters RSDTtXZPI"},
      {R"("state":"S")", R"("state":"\n")",
       "processes[0].state: expected one of the letters RSDTtXZPI"},
      {R"("name":"sleep")", R"("name":7)", "processes[0].name: expected a text"},
      {R"("name":"sleep")", R"("name":"\ud800")", "processes[0].name: expected a text"},
      {R"("name":"sleep")", R"("name":"\q")", "processes[0].name: expected a text"},
      {R"("name":"sleep")", R"("name":"a\u0000b")", "processes[0].name: a text cannot hold NUL"},
      {R"("boot_id":"boot")", R"("boot_id":1)", "boot_id: expected a text, or null"},
      {R"("cpu_ns":null)", R"("cpu_ns":-1)", fmt::format("cgroups[0].cpu_ns: {}, or null", kAny)},
      {R"("cpu_ns":null)", R"("cpu_ns":nul)", fmt::format("cgroups[0].cpu_ns: {}, or null", kAny)},
      {R"("cpu_ns":null,)", "", "cgroups[0].cpu_ns: is missing"},
      {R"("host":{)", R"("host":7,"x":{)", "host: expected an object"},
      {R"("cpu":{)", R"("cpu":[],"x":{)", "host.cpu: expected an object"},
      {R"("cpus":[{)", R"("cpus":[7,{)", "host.cpus[0]: expected an object"},
      {R"("cpus":[{)", R"("cpus":[{"steal_ns":-1,)",
       fmt::format("host.cpus[0].steal_ns: {}", kAny)},
      {R"("total_bytes")", R"("bytes")", "host.memory.total_bytes: is missing"},
      {R"("one":)", R"("one":-)", "host.load.one: expected a number that is not negative"},
      {R"("one":)", R"("one":"x","x":)", "host.load.one: expected a number that is not negative"},
      {R"("processes":[)", R"("processes":{},"x":[)", "processes: expected an array"},
      {R"("cgroups":[)", R"("cgroups":null,"x":[)", "cgroups: expected an array"},
  };
  for (const auto& [part, other, said] : cases) {
    EXPECT_EQ(refusal_of(part, other), said) << part << " -> " << other;
  }
}

TEST(SampleJsonTest, ATextThatIsNotJsonIsCorrupt) {
  const std::string text = to_json(made());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_NE(refusal(text.substr(0, length)), "none") << length;
  }
  EXPECT_THAT(refusal(""), StartsWith("malformed JSON: "));
  EXPECT_THAT(refusal(text + "}"), HasSubstr(""));
  EXPECT_EQ(refusal("[]"), "expected an object");
  EXPECT_EQ(refusal("7"), "expected an object");
  EXPECT_NE(refusal(text + text), "none");
  EXPECT_NE(refusal(text + "7"), "none");
  EXPECT_NE(refusal(text + "}"), "none");
  EXPECT_THAT(refusal_of(R"("name":"sleep")", "\"name\":\"\xff\""), StartsWith("malformed JSON: "));
  EXPECT_THAT(refusal_of(R"("name":"sleep")", "\"name\":\"\n\""), StartsWith("malformed JSON: "));
  EXPECT_THAT(refusal_of(R"(,"threads")", R"( "threads")"), HasSubstr("malformed JSON: "));
  EXPECT_THAT(refusal_of("},{\"pid\"", "} {\"pid\""), HasSubstr("malformed JSON: "));
}

TEST(SampleJsonTest, ATextBeyondTheBoundIsRefused) {
  Sample sample;
  const auto done = from_json(std::string(kSampleBytesMax + 1, ' '), sample);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), base::Code::kResourceExhausted);
}

TEST(SampleJsonTest, AReaderReadsOnAfterAnError) {
  SampleReader reader;
  Sample read;
  const Sample sample = made();
  const std::string text = to_json(sample);
  for (const std::string& bad : {text.substr(0, text.size() / 2), std::string("{\"schema\":3}")}) {
    EXPECT_FALSE(reader.read(bad, read));
    ASSERT_TRUE(reader.read(text, read));
    expect_equal(read, sample);
  }
}

}  // namespace
}  // namespace vigia
