#include "vigia/sample/usage_json.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <optional>
#include <string>

namespace vigia {
namespace {

Usage made() {
  Sample sample;
  sample.source = "proc";
  sample.kernel = "6.1.0";
  sample.boot_id = "boot";
  sample.wall_ms = 1'790'000'000'000;
  sample.uptime_ns = 5;
  sample.cpu.user_ns = 7;
  sample.cpus.resize(2);
  sample.memory.available_bytes = 4096;
  sample.load.five = 1.25;
  Process first;
  first.pid = 1;
  first.name = "a\"\\\n\x1b\xff";
  first.user_ns = 2;
  first.system_ns = 3;
  first.rss_anon_bytes = 1;
  first.rss_file_bytes = 10;
  first.rss_shmem_bytes = 100;
  first.state = 'Z';
  Process second;
  second.pid = 2;
  second.cgroup = "/docker/" + std::string(64, 'a');
  sample.processes = {first, second};
  Usage usage = usage_of(std::move(sample));
  usage.cpu_percent[1] = 12.3456;
  return usage;
}

TEST(UsageJsonTest, HoldsTheHostTheProcessesAndTheContainers) {
  const std::array<std::size_t, 2> places = {1, 0};
  const auto json = boost::json::parse(to_json(made(), places));
  EXPECT_EQ(json.at("schema").as_int64(), 1);
  EXPECT_EQ(json.at("source").as_string(), "proc");
  EXPECT_EQ(json.at("taken_at").as_string(), "2026-09-21T14:13:20.000Z");
  EXPECT_TRUE(json.at_pointer("/host/cpu/busy_percent").is_null());
  EXPECT_EQ(json.at_pointer("/host/cpu/user_ns").as_int64(), 7);
  EXPECT_EQ(json.at_pointer("/host/cpus").as_array().size(), 2U);
  EXPECT_EQ(json.at_pointer("/host/memory/available_bytes").as_int64(), 4096);
  EXPECT_EQ(json.at_pointer("/host/load/five").as_double(), 1.25);
  EXPECT_EQ(json.at_pointer("/processes/0/pid").as_int64(), 2);
  EXPECT_EQ(json.at_pointer("/processes/0/container").as_string(), std::string(64, 'a'));
  EXPECT_EQ(json.at_pointer("/processes/0/cpu_percent").as_double(), 12.346);
  EXPECT_EQ(json.at_pointer("/processes/1/name").as_string(), "a\"\\\n\x1b\uFFFD");
  EXPECT_EQ(json.at_pointer("/processes/1/state").as_string(), "Z");
  EXPECT_EQ(json.at_pointer("/processes/1/cpu_ns").as_int64(), 5);
  EXPECT_EQ(json.at_pointer("/processes/1/rss_bytes").as_int64(), 111);
  EXPECT_TRUE(json.at_pointer("/processes/1/container").is_null());
  EXPECT_TRUE(json.at_pointer("/processes/1/cpu_percent").is_null());
  EXPECT_EQ(json.at_pointer("/containers/0/runtime").as_string(), "docker");
}

TEST(UsageJsonTest, AContainersFiguresAreNumbersOrNull) {
  Usage usage = made();
  const auto container_of = [](const Usage& of) {
    return boost::json::parse(to_json(of, {})).at_pointer("/containers/0").as_object();
  };
  const auto bare = container_of(usage);
  ContainerUsage& container = usage.containers.front();
  container.cpu_percent = 12.3456;
  container.throttled_percent = 1;
  Cgroup& cgroup = container.cgroup;
  const std::pair<const char*, Cgroup::Figure*> figures[] = {
      {"user_ns", &cgroup.user_ns},
      {"system_ns", &cgroup.system_ns},
      {"throttled_ns", &cgroup.throttled_ns},
      {"memory_bytes", &cgroup.memory_bytes},
      {"working_set_bytes", &cgroup.working_set_bytes},
      {"unreclaimable_bytes", &cgroup.unreclaimable_bytes},
      {"peak_bytes", &cgroup.peak_bytes},
      {"memory_max_bytes", &cgroup.memory_max_bytes},
      {"ooms", &cgroup.ooms},
      {"oom_kills", &cgroup.oom_kills},
      {"pids", &cgroup.pids},
      {"pids_max", &cgroup.pids_max},
      {"io_read_bytes", &cgroup.io_read_bytes},
      {"io_written_bytes", &cgroup.io_written_bytes}};
  std::int64_t number = 0;
  for (const auto& [name, figure] : figures) *figure = ++number;
  const auto told = container_of(usage);
  for (const auto& [name, figure] : figures) {
    EXPECT_TRUE(bare.at(name).is_null()) << name;
    EXPECT_EQ(told.at(name).as_int64(), **figure) << name;
  }
  EXPECT_TRUE(bare.at("cpu_percent").is_null());
  EXPECT_TRUE(bare.at("throttled_percent").is_null());
  EXPECT_EQ(told.at("cpu_percent").as_double(), 12.346);
  EXPECT_EQ(told.size(), bare.size());
}

TEST(UsageJsonTest, AnUnknownBootIsNull) {
  Usage usage = made();
  EXPECT_EQ(boost::json::parse(to_json(usage, {})).at("boot_id").as_string(), "boot");
  usage.sample.boot_id = std::nullopt;
  EXPECT_TRUE(boost::json::parse(to_json(usage, {})).at("boot_id").is_null());
}

TEST(UsageJsonTest, OnlyTheChosenProcessesAreInIt) {
  const auto json = boost::json::parse(to_json(made(), {}));
  EXPECT_TRUE(json.at("processes").as_array().empty());
  EXPECT_EQ(json.at("containers").as_array().size(), 1U);
}

TEST(UsageJsonTest, EachLineNamesItsKind) {
  const std::array<std::size_t, 2> places = {0, 1};
  const std::string text = to_ndjson(made(), places);
  std::vector<std::string> kinds;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    kinds.emplace_back(boost::json::parse(text.substr(at, end - at)).at("kind").as_string());
    at = end + 1;
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"host", "process", "process", "container"}));
}

}  // namespace
}  // namespace vigia
