#include "vigia/sources/proc_text.h"

#include <gtest/gtest.h>

#include <string>

namespace vigia {
namespace {

// The text of Linux 6.1.
const std::string kStat =
    "1234 (sleep) S 1000 1234 1000 34816 1234 4194304 110 0 0 0 7 3 0 0 20 0 2 0 8675309 5644288 "
    "224 18446744073709551615 94000 94001 140000 0 0 0 0 0 0 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 "
    "0\n";

std::string stat_of(const std::string& name) {
  std::string text = kStat;
  return text.replace(text.find("sleep"), 5, name);
}

TEST(ProcStatTest, ItsFieldsAreFound) {
  const auto stat = parse_proc_stat(kStat);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 1234);
  EXPECT_EQ(stat->name, "sleep");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->ppid, 1000);
  EXPECT_EQ(stat->user_ticks, 7);
  EXPECT_EQ(stat->system_ticks, 3);
  EXPECT_EQ(stat->threads, 2);
  EXPECT_EQ(stat->start_ticks, 8'675'309);
  EXPECT_EQ(stat->vsz_bytes, 5'644'288);
  EXPECT_EQ(stat->rss_pages, 224);
}

TEST(ProcStatTest, ANameMayHoldWhatEndsIt) {
  for (const std::string name :
       {"", " ", "a b", ")", ") S 1 2 3", "(", "((x) ", "\n\x1b[2J", "\xff"}) {
    const std::string text = stat_of(name);
    const auto stat = parse_proc_stat(text);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->name, name);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->rss_pages, 224);
  }
}

TEST(ProcStatTest, ALineCutBeforeItsLastFieldIsNothing) {
  const std::size_t needed = kStat.find("18446744073709551615");
  for (std::size_t length = 0; length < needed; ++length) {
    EXPECT_FALSE(parse_proc_stat(kStat.substr(0, length))) << length;
  }
  EXPECT_TRUE(parse_proc_stat(kStat.substr(0, needed)));
}

TEST(ProcStatTest, GarbageIsNothing) {
  for (const std::string text :
       {"x (sleep) S 1", "1 sleep S 1", ") (", "1 (a) SS 1 2 3", "99999999999 (a) S 1",
        "1 (a) S x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "1 (a) S 1 1 1 1 1 1 1 1 1 1 -1 1 1 1 1 1 1 1 1 1 1 ",
        "1 (a) S 1 1 1 1 1 1 1 1 1 1 999999999999999999 1 1 1 1 1 1 1 1 1 1 "}) {
    EXPECT_FALSE(parse_proc_stat(text)) << text;
  }
}

TEST(ProcStatusTest, ItsFieldsAreFound) {
  const auto status = parse_proc_status(
      "Name:\tsleep\nUmask:\t0022\nUid:\t1000\t1001\t1002\t1003\nVmRSS:\t     896 kB\n"
      "RssAnon:\t      84 kB\nRssFile:\t     812 kB\nRssShmem:\t       4 kB\nVmData:\tnonsense\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uid, 1000U);
  EXPECT_EQ(status->rss_anon_bytes, 84 * 1024);
  EXPECT_EQ(status->rss_file_bytes, 812 * 1024);
  EXPECT_EQ(status->rss_shmem_bytes, 4 * 1024);
}

TEST(ProcStatusTest, AKernelThreadHasNoMemory) {
  const auto status = parse_proc_status("Name:\tkthreadd\nUid:\t0\t0\t0\t0\nThreads:\t1\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uid, 0U);
  EXPECT_EQ(status->rss_anon_bytes + status->rss_file_bytes + status->rss_shmem_bytes, 0);
}

TEST(ProcStatusTest, GarbageIsNothing) {
  for (const std::string text :
       {"", "Uid:\t10", "Uid:\t1\nRssAnon:\t4 kB\n", "Name:\tx\n", "Uid:\n", "Uid:\tx\n",
        "Uid:\t1\nRssAnon:\t-4 kB\n", "Uid:\t1\nRssAnon:\t4 MB\n",
        "Uid:\t1\nRssFile:\t9223372036854775807 kB\n"}) {
    EXPECT_FALSE(parse_proc_status(text)) << text;
  }
}

TEST(ProcCommandTest, ArgumentsHaveBlanksBetweenThem) {
  using std::string_literals::operator""s;
  EXPECT_EQ(command_of("sleep\0"
                       "60\0"s),
            "sleep 60");
  EXPECT_EQ(command_of("sh\0-c\0a b\0\0"s), "sh -c a b");
  EXPECT_EQ(command_of("nginx: worker"s), "nginx: worker");
  EXPECT_EQ(command_of(""), "");
  EXPECT_EQ(command_of("\0\0"s), "");
}

TEST(ProcCgroupTest, ThePathIsThatOfTheHierarchyThatCountsMemory) {
  EXPECT_EQ(cgroup_of("0::/user.slice/session.scope\n"), "/user.slice/session.scope");
  EXPECT_EQ(cgroup_of("12:cpu,cpuacct:/a\n4:memory:/docker/b\n1:name=systemd:/c\n0::/d\n"),
            "/docker/b");
  EXPECT_EQ(cgroup_of("3:hugetlb,memory,pids:/x y:z\\x2d\n0::/\n"), "/x y:z\\x2d");
  EXPECT_EQ(cgroup_of("1:name=systemd:/c\n0::/d\n"), "/d");
  EXPECT_EQ(cgroup_of("1:name=systemd:/c\n"), "");
  EXPECT_EQ(cgroup_of(""), "");
}

TEST(ProcCgroupTest, GarbageIsNothing) {
  for (const std::string text :
       {"0\n", "0::\n", "0:memory\n", "nonsense", "0::relative\n", "0::/cut"}) {
    EXPECT_FALSE(cgroup_of(text)) << text;
  }
}

TEST(ProcHostCpuTest, AllAndEachProcessorAreInNanoseconds) {
  const auto cpu = parse_host_cpu(
      "cpu  10 20 30 40 50 60 70 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 9 18 27 36 45 54 63 72 0 "
      "0\nintr 12345\ncpu7 nonsense\n",
      100);
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->all.user_ns, 100'000'000);
  EXPECT_EQ(cpu->all.steal_ns, 800'000'000);
  ASSERT_EQ(cpu->each.size(), 2U);
  EXPECT_EQ(cpu->each[1].idle_ns, 360'000'000);
}

TEST(ProcHostCpuTest, ATooLargeNumberBecomesTheLargest) {
  const auto cpu = parse_host_cpu("cpu  1 2 3 9223372036854775807 5 6 7 8\n", 100);
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->all.idle_ns, INT64_MAX / 10'000'000 * 10'000'000);
}

TEST(ProcHostCpuTest, GarbageIsNothing) {
  for (const std::string text :
       {"", "intr 1\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7\n", "cpu  1 2 3 4 5 6 7 -8\n",
        "cpu  1 2 3 4 5 6 7 8", "cpu  1 2 3 4 5 6 7 99999999999999999999\n"}) {
    EXPECT_FALSE(parse_host_cpu(text, 100)) << text;
  }
}

const std::string kMeminfo =
    "MemTotal:       24689764 kB\nMemFree:        18876012 kB\nMemAvailable:   23000000 kB\n"
    "Buffers:          151212 kB\nCached:          4077868 kB\nSwapCached:            1 kB\n"
    "SwapTotal:             5 kB\nSwapFree:              4 kB\nSReclaimable:     300000 kB\n"
    "HugePages_Total:       0\n";

TEST(ProcMemoryTest, ItsFieldsAreFound) {
  const auto memory = parse_memory(kMeminfo);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total_bytes, 24'689'764LL * 1024);
  EXPECT_EQ(memory->cached_bytes, 4'077'868LL * 1024);
  EXPECT_EQ(memory->swap_free_bytes, 4 * 1024);
  EXPECT_EQ(memory->slab_reclaimable_bytes, 300'000LL * 1024);
}

TEST(ProcMemoryTest, ATextThatLacksAFieldIsNothing) {
  for (const char* key : {"MemTotal", "MemFree", "MemAvailable", "Buffers", "SwapTotal", "SwapFree",
                          "SReclaimable"}) {
    std::string text = kMeminfo;
    text.replace(text.find(key), 1, "x");
    EXPECT_FALSE(parse_memory(text)) << key;
  }
  EXPECT_FALSE(parse_memory(""));
  EXPECT_FALSE(
      parse_memory(kMeminfo.substr(0, kMeminfo.find("SReclaimable")) + "MemTotal: 1 kB\n"));
}

TEST(ProcLoadTest, ItsThreeFiguresAreFound) {
  EXPECT_EQ(parse_load("0.29 0.92 11.27 1/412 31337\n"),
            (Load{.one = 0.29, .five = 0.92, .fifteen = 11.27}));
  for (const std::string text : {"", "0.29", "0.29 0.92", "0.29 0.92 11.2", "x y z"}) {
    EXPECT_FALSE(parse_load(text)) << text;
  }
}

}  // namespace
}  // namespace vigia
