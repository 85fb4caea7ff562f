#include "vigia/sample/usage.h"

#include <gtest/gtest.h>

#include <string>

namespace vigia {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Process process(std::int32_t pid, std::int64_t start_ns, std::int64_t cpu_ns) {
  Process made;
  made.pid = pid;
  made.start_ns = start_ns;
  made.user_ns = cpu_ns - cpu_ns / 4;
  made.system_ns = cpu_ns / 4;
  return made;
}

Sample sample(std::int64_t uptime_ns, std::vector<Process> processes) {
  Sample made;
  made.boot_id = "boot";
  made.uptime_ns = uptime_ns;
  made.cpus.resize(2);
  made.processes = std::move(processes);
  for (Process& each : made.processes) each.read_ns = uptime_ns;
  return made;
}

// Returns the rate of the only process.
CpuPercent rate(const Sample& before, Sample after) {
  const Usage usage = usage_of(before, std::move(after));
  EXPECT_EQ(usage.cpu_percent.size(), 1U);
  return usage.cpu_percent.front();
}

TEST(UsageTest, ARateIsTheUsageWithinTheInterval) {
  const auto before = sample(100 * kSecond, {process(7, kSecond, 5 * kSecond)});
  EXPECT_DOUBLE_EQ(*rate(before, sample(102 * kSecond, {process(7, kSecond, 6 * kSecond)})), 50);
  EXPECT_DOUBLE_EQ(*rate(before, sample(102 * kSecond, {process(7, kSecond, 5 * kSecond)})), 0);
  EXPECT_DOUBLE_EQ(*rate(before, sample(101 * kSecond, {process(7, kSecond, 7 * kSecond)})), 200);
}

TEST(UsageTest, OneSampleHasNoRates) {
  const Usage usage = usage_of(sample(kSecond, {process(7, 0, 5)}));
  EXPECT_EQ(usage.interval_ns, 0);
  EXPECT_FALSE(usage.busy_percent);
  EXPECT_FALSE(usage.cpu_percent.front());
}

TEST(UsageTest, ANewProcessUsedAllOfItsTimeWithinTheInterval) {
  const auto before = sample(100 * kSecond, {});
  EXPECT_DOUBLE_EQ(*rate(before, sample(110 * kSecond, {process(7, 101 * kSecond, 5 * kSecond)})),
                   50);
}

TEST(UsageTest, AReusedPidIsANewProcess) {
  const auto before = sample(100 * kSecond, {process(7, kSecond, 50 * kSecond)});
  EXPECT_DOUBLE_EQ(*rate(before, sample(110 * kSecond, {process(7, 105 * kSecond, kSecond)})), 10);
}

TEST(UsageTest, AnOldProcessThatWasNotSeenBeforeHasNoRate) {
  EXPECT_FALSE(
      rate(sample(100 * kSecond, {}), sample(110 * kSecond, {process(7, kSecond, 50 * kSecond)})));
}

TEST(UsageTest, ACounterThatWentBackHasNoRate) {
  EXPECT_FALSE(rate(sample(100 * kSecond, {process(7, kSecond, 50 * kSecond)}),
                    sample(110 * kSecond, {process(7, kSecond, 49 * kSecond)})));
}

TEST(UsageTest, NoRateExceedsTheProcessors) {
  EXPECT_DOUBLE_EQ(*rate(sample(100 * kSecond, {process(7, kSecond, 0)}),
                         sample(100 * kSecond + 1000, {process(7, kSecond, 10'000'000)})),
                   200);
}

TEST(UsageTest, SamplesOfAnotherBootOrInAnotherOrderGiveNoRates) {
  const auto before = sample(100 * kSecond, {process(7, kSecond, 0)});
  auto other = sample(110 * kSecond, {process(7, kSecond, kSecond)});
  other.boot_id = "another";
  EXPECT_FALSE(rate(before, other));
  EXPECT_FALSE(rate(before, sample(100 * kSecond, {process(7, kSecond, kSecond)})));
  EXPECT_FALSE(rate(before, sample(99 * kSecond, {process(7, kSecond, kSecond)})));
}

TEST(UsageTest, TheHostIsBusyExceptWhenItIdlesOrWaitsForTheDisk) {
  auto before = sample(100 * kSecond, {});
  auto after = sample(101 * kSecond, {});
  after.cpu = {.user_ns = kSecond / 10,
               .nice_ns = kSecond / 10,
               .system_ns = kSecond / 10,
               .idle_ns = kSecond,
               .iowait_ns = kSecond,
               .irq_ns = kSecond / 10,
               .softirq_ns = kSecond / 10,
               .steal_ns = kSecond / 10};
  EXPECT_DOUBLE_EQ(*usage_of(before, after).busy_percent, 60);
}

TEST(UsageTest, AContainerIsTheSumOfItsProcesses) {
  const std::string id(64, 'a');
  auto first = process(1, kSecond, kSecond);
  auto second = process(2, kSecond, kSecond);
  auto third = process(3, kSecond, kSecond);
  const auto before = sample(100 * kSecond, {first, second, third});
  first.cgroup = "/docker/" + id;
  second.cgroup = "/docker/" + id + "/below";
  third.cgroup = "/system.slice";
  for (Process* each : {&first, &second, &third}) {
    each->user_ns += kSecond;
    each->rss_anon_bytes = 4096;
  }
  const Usage usage = usage_of(before, sample(110 * kSecond, {first, second, third}));
  ASSERT_EQ(usage.containers.size(), 1U);
  const ContainerUsage& container = usage.containers.front();
  EXPECT_EQ(container.id, id);
  EXPECT_EQ(container.runtime, "docker");
  EXPECT_EQ(container.processes, 2);
  EXPECT_EQ(container.cpu_ns, 4 * kSecond);
  EXPECT_DOUBLE_EQ(*container.cpu_percent, 20);
  EXPECT_EQ(container.rss_bytes, 8192);
  EXPECT_EQ(usage.container, (std::vector<std::optional<std::size_t>>{0, 0, std::nullopt}));
}

TEST(UsageTest, AContainerWithAProcessWithoutARateHasNone) {
  auto known = process(1, kSecond, kSecond);
  auto unknown = process(2, kSecond, kSecond);
  const auto before = sample(100 * kSecond, {known});
  known.cgroup = unknown.cgroup = "/docker/" + std::string(64, 'a');
  const Usage usage = usage_of(before, sample(110 * kSecond, {known, unknown}));
  EXPECT_TRUE(usage.cpu_percent[0]);
  EXPECT_FALSE(usage.containers.front().cpu_percent);
}

TEST(UsageTest, AContainersRateDoesNotExceedTheProcessors) {
  std::vector<Process> processes;
  for (std::int32_t pid = 1; pid <= 3; ++pid) processes.push_back(process(pid, kSecond, 0));
  const auto before = sample(100 * kSecond, processes);
  for (Process& each : processes) {
    each.cgroup = "/docker/" + std::string(64, 'a');
    each.user_ns = kSecond;
  }
  const Usage usage = usage_of(before, sample(101 * kSecond, processes));
  EXPECT_DOUBLE_EQ(*usage.containers.front().cpu_percent, 200);
}

TEST(UsageTest, AProcessIsMeasuredBetweenItsOwnMoments) {
  const auto before = sample(100 * kSecond, {process(7, kSecond, 0)});
  auto after = sample(102 * kSecond, {process(7, kSecond, kSecond)});
  after.processes.front().read_ns = 104 * kSecond;
  EXPECT_DOUBLE_EQ(*rate(before, after), 25);
}

TEST(UsageTest, SumsStayAtTheLargestNumber) {
  auto first = process(1, kSecond, 0);
  first.cgroup = "/docker/" + std::string(64, 'a');
  first.rss_anon_bytes = INT64_MAX;
  auto second = first;
  second.pid = 2;
  EXPECT_EQ(usage_of(sample(kSecond, {first, second})).containers.front().rss_bytes, INT64_MAX);
}

// Returns the usage of a container within 10 s. Its one process has used 1 s.
Usage usage_with(const Cgroup& was, const Cgroup& now) {
  auto only = process(1, kSecond, 0);
  only.cgroup = "/docker/" + std::string(64, 'a') + "/below";
  auto before = sample(100 * kSecond, {only});
  only.user_ns = kSecond;
  auto after = sample(110 * kSecond, {only});
  before.cgroups = {was};
  after.cgroups = {now};
  for (Sample* each : {&before, &after}) {
    each->cgroups.front().path = "/docker/" + std::string(64, 'a');
    each->cgroups.front().read_ns = each->uptime_ns;
  }
  return usage_of(before, std::move(after));
}

TEST(UsageTest, AContainerIsWhatItsControlGroupCounts) {
  Cgroup was;
  was.cpu_ns = 20 * kSecond;
  was.periods = 100;
  was.throttled_periods = 10;
  Cgroup now = was;
  now.cpu_ns = 25 * kSecond;
  now.periods = 200;
  now.throttled_periods = 35;
  now.memory_bytes = 4096;
  const Usage usage = usage_with(was, now);
  ASSERT_EQ(usage.containers.size(), 1U);
  const ContainerUsage& container = usage.containers.front();
  EXPECT_EQ(container.cpu_ns, 25 * kSecond);
  EXPECT_DOUBLE_EQ(*container.cpu_percent, 50);
  EXPECT_DOUBLE_EQ(*container.throttled_percent, 25);
  EXPECT_EQ(container.cgroup.memory_bytes, 4096);
  EXPECT_EQ(container.cgroup.path, "/docker/" + std::string(64, 'a'));
}

TEST(UsageTest, AControlGroupsCounterThatWentBackHasNoRate) {
  Cgroup was;
  was.cpu_ns = 20 * kSecond;
  was.periods = 100;
  was.throttled_periods = 10;
  Cgroup now = was;
  now.cpu_ns = kSecond;
  now.throttled_periods = 0;
  const Usage usage = usage_with(was, now);
  EXPECT_EQ(usage.containers.front().cpu_ns, kSecond);
  EXPECT_FALSE(usage.containers.front().cpu_percent);
  EXPECT_FALSE(usage.containers.front().throttled_percent);
}

TEST(UsageTest, AControlGroupsRateDoesNotExceedTheProcessors) {
  Cgroup was;
  was.cpu_ns = 0;
  Cgroup now;
  now.cpu_ns = INT64_MAX;
  EXPECT_DOUBLE_EQ(*usage_with(was, now).containers.front().cpu_percent, 200);
}

TEST(UsageTest, FiguresThatTheControlGroupLacksComeFromTheProcesses) {
  Cgroup known;
  known.cpu_ns = 20 * kSecond;
  for (const auto& [was, now] : {std::pair(Cgroup(), Cgroup()), {known, Cgroup()}}) {
    const ContainerUsage container = usage_with(was, now).containers.front();
    EXPECT_EQ(container.cpu_ns, kSecond);
    EXPECT_DOUBLE_EQ(*container.cpu_percent, 10);
    EXPECT_FALSE(container.throttled_percent);
  }
  // A new group, as a container that has just begun has.
  const ContainerUsage container = usage_with(Cgroup(), known).containers.front();
  EXPECT_EQ(container.cpu_ns, 20 * kSecond);
  EXPECT_DOUBLE_EQ(*container.cpu_percent, 10);
}

TEST(UsageTest, AContainerThatHadNothingToRunWasNotThrottled) {
  Cgroup idle;
  idle.periods = 100;
  idle.throttled_periods = 10;
  EXPECT_EQ(usage_with(idle, idle).containers.front().throttled_percent, 0);
}

}  // namespace
}  // namespace vigia
