#include "vigia/app/usage_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "vigia/sample/fields.h"

namespace vigia {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(UsageTableTest, ShowsTheHostTheProcessesAndTheContainers) {
  Sample sample;
  sample.source = "proc";
  sample.cpus.resize(2);
  sample.memory.total_bytes = std::int64_t{2} << 30;
  Process process;
  process.pid = 42;
  process.name = "evil\x1b[2J";
  process.command = "evil --now";
  process.cgroup = "/docker/" + std::string(64, 'a');
  process.user_ns = 1'500'000'000;
  process.rss_anon_bytes = 3 << 20;
  sample.processes = {process};
  const Usage usage = usage_of(std::move(sample));
  const std::array<std::size_t, 1> places = {0};
  const std::string table = to_table(usage, places);
  for (const char* part : {"1 processes", "2048.0", "42", "evil?[2J", "1.50", "3.0", "aaaaaaaaaaaa",
                           "docker", "evil --now"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_table(usage, {}), Not(HasSubstr("evil")));
}

TEST(UsageTableTest, ShowsTheKnownFiguresOfAContainer) {
  Sample sample;
  Process process;
  process.cgroup = "/docker/" + std::string(64, 'a');
  sample.processes = {process};
  Usage usage = usage_of(std::move(sample));
  ContainerUsage& container = usage.containers.front();
  container.throttled_percent = 12.5;
  container.cgroup.working_set_bytes = 5 << 20;
  container.cgroup.unreclaimable_bytes = 7 << 20;
  container.cgroup.oom_kills = 34;
  const std::string table = to_table(usage, {});
  for (const char* part : {" 12.5 ", " 5.0 ", " 7.0 ", "  -  ", " 34\n"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

TEST(UsageTableTest, EveryHeadingOfTheCatalogueIsThere) {
  Sample sample;
  Process process;
  process.cgroup = "/docker/" + std::string(64, 'a');
  sample.processes = {process};
  const std::string table = to_table(usage_of(std::move(sample)), {});
  const auto look_for = [&table](const auto& field) {
    EXPECT_THAT(table, HasSubstr(std::string(field.heading))) << field.name;
  };
  for_each_field(kProcessUsageFields, look_for);
  for_each_field(kContainerUsageFields, look_for);
}

}  // namespace
}  // namespace vigia
