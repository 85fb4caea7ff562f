#include "vigia/sources/cgroup_text.h"

#include <gtest/gtest.h>

#include <string>

namespace vigia {
namespace {

// A text that is cut short gives nothing. The exception is a cut at the end of a line, if the rest
// is whole: `least` bytes at least.
template <class Parse>
void expect_no_part_of(std::string_view text, std::size_t least, const Parse& parse) {
  for (std::size_t size = 0; size < text.size(); ++size) {
    if (size >= least && text[size - 1] == '\n') continue;
    // The copy has no spare room, so that a sanitizer sees a step beyond the end.
    const std::string part(text.substr(0, size));
    EXPECT_FALSE(parse(part)) << part;
  }
}

constexpr std::string_view kBeyond = "9223372036854775808";

TEST(CgroupFigureTest, ANumberIsOneLineOfDigits) {
  EXPECT_EQ(parse_figure("0\n"), 0);
  EXPECT_EQ(parse_figure("9223372036854775807\n"), INT64_MAX);
  for (const std::string text : {"", "\n", "1", "-1\n", "+1\n", " 1\n", "1 \n", "1\n2\n", "max\n",
                                 "0x1\n", "9223372036854775808\n", "\xff\n"}) {
    EXPECT_FALSE(parse_figure(text)) << text;
  }
}

TEST(CgroupLimitTest, NoLimitIsAWordOrTheLastWholePages) {
  EXPECT_EQ(parse_limit("1048576\n"), CgroupLimit{.most = 1 << 20});
  EXPECT_EQ(parse_limit("0\n"), CgroupLimit{.most = 0});
  for (const std::string text : {"max\n", "9223372036854771712\n", "9223372036854710272\n",
                                 "9223372036854775807\n", "18446744073709551615\n"}) {
    const auto limit = parse_limit(text);
    ASSERT_TRUE(limit) << text;
    EXPECT_FALSE(limit->most) << text;
  }
  for (const std::string text :
       {"", "max", "1", "-1\n", "maximum\n", "18446744073709551616\n", "max 1\n"}) {
    EXPECT_FALSE(parse_limit(text)) << text;
  }
}

TEST(CgroupCpuTest, Version2CountsInMicroseconds) {
  const std::string times = "usage_usec 30\nuser_usec 20\nsystem_usec 10\n";
  CgroupCpu expected = {
      .usage_ns = 30'000, .user_ns = 20'000, .system_ns = 10'000, .throttling = std::nullopt};
  EXPECT_EQ(parse_cgroup_cpu(times), expected);
  const std::string all =
      times + "nice_usec 1\nnr_periods 7\nnr_throttled 2\nthrottled_usec 5\nnr_bursts 0\n";
  expected.throttling = {.periods = 7, .throttled_periods = 2, .throttled_ns = 5000};
  EXPECT_EQ(parse_cgroup_cpu(all), expected);
  expect_no_part_of(all, times.size(), parse_cgroup_cpu);
  for (const std::string text : {"usage_usec x\nuser_usec 1\nsystem_usec 1\n", "user_usec 1\n",
                                 "usage_usec -1\nuser_usec 1\nsystem_usec 1\n"}) {
    EXPECT_FALSE(parse_cgroup_cpu(text)) << text;
  }
}

TEST(CgroupCpuTest, ATooLargeNumberBecomesTheLargest) {
  const auto cpu = parse_cgroup_cpu("usage_usec 9223372036854775807\nuser_usec 0\nsystem_usec 0\n");
  ASSERT_TRUE(cpu);
  EXPECT_GT(cpu->usage_ns, INT64_MAX - 1000);
}

TEST(CgroupCpuTest, Version1HasThreeFiles) {
  const std::string throttling =
      "nr_periods 7\nnr_throttled 2\nthrottled_time 5000\nnr_bursts 0\nburst_time 0\n";
  const CgroupThrottling expected = {.periods = 7, .throttled_periods = 2, .throttled_ns = 5000};
  EXPECT_EQ(parse_throttling(throttling), expected);
  expect_no_part_of(throttling, throttling.find("nr_bursts"), parse_throttling);
  const CgroupTimes times = {.user_ns = 120'000'000, .system_ns = 30'000'000};
  EXPECT_EQ(parse_cpuacct_stat("user 12\nsystem 3\n", 100), times);
  expect_no_part_of("user 12\nsystem 3\n", 99,
                    [](std::string_view text) { return parse_cpuacct_stat(text, 100); });
}

TEST(CgroupMemoryTest, Version2HasTheKernelsMemoryInOneFigure) {
  const std::string text =
      "anon 100\nfile 50\nkernel 30\nkernel_stack 1\npagetables 2\npercpu 3\nsock 4\n"
      "inactive_file 40\nslab 5\n";
  const CgroupMemory expected = {
      .anon_bytes = 100, .inactive_file_bytes = 40, .kernel_bytes = 30, .sock_bytes = 4};
  EXPECT_EQ(parse_cgroup_memory_v2(text), expected);
  expect_no_part_of(text, text.find("slab"), parse_cgroup_memory_v2);
}

TEST(CgroupMemoryTest, BeforeKernel5_18ItIsTheSumOfItsParts) {
  std::string text =
      "anon 100\nfile 50\nkernel_stack 1\npagetables 2\npercpu 3\nsock 4\ninactive_file 40\n"
      "slab_reclaimable 7\nslab_unreclaimable 8\nslab 15\n";
  EXPECT_EQ(parse_cgroup_memory_v2(text)->kernel_bytes, 21);
  text.replace(text.find("percpu"), 6, "others");
  text.replace(text.find("pagetables"), 10, "others");
  EXPECT_EQ(parse_cgroup_memory_v2(text)->kernel_bytes, 16);
  text.replace(text.find("slab 15"), 4, "slob");
  EXPECT_EQ(parse_cgroup_memory_v2(text)->kernel_bytes, std::nullopt);
  const auto large = parse_cgroup_memory_v2(
      "anon 1\ninactive_file 1\nkernel_stack 9223372036854775807\nslab 9223372036854775807\n");
  EXPECT_EQ(large->kernel_bytes, INT64_MAX);
}

TEST(CgroupMemoryTest, Version1CountsGroupsBelowAsTotals) {
  const std::string text =
      "cache 1\nrss 2\ninactive_file 3\nhierarchical_memory_limit 9223372036854771712\n"
      "total_rss 20\ntotal_rss_huge 5\ntotal_inactive_file 30\ntotal_unevictable 0\n";
  const CgroupMemory expected = {.anon_bytes = 20,
                                 .inactive_file_bytes = 30,
                                 .kernel_bytes = std::nullopt,
                                 .sock_bytes = std::nullopt};
  EXPECT_EQ(parse_cgroup_memory_v1(text), expected);
  expect_no_part_of(text, text.find("total_unevictable"), parse_cgroup_memory_v1);
}

TEST(CgroupOomTest, Version1HasOnlyTheKilled) {
  const CgroupOoms events = {.ooms = 3, .oom_kills = 2};
  EXPECT_EQ(parse_memory_events("low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n"),
            events);
  const CgroupOoms control = {.ooms = std::nullopt, .oom_kills = 2};
  EXPECT_EQ(parse_oom_control("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), control);
  const CgroupOoms old = {.ooms = std::nullopt, .oom_kills = std::nullopt};
  EXPECT_EQ(parse_oom_control("oom_kill_disable 0\nunder_oom 0\n"), old);
  for (const std::string text : {"", "oom", "oom 3", "oom x\n", "oom_kill 3\n", "under_oom\n"}) {
    EXPECT_FALSE(parse_memory_events(text)) << text;
    EXPECT_FALSE(parse_oom_control(text)) << text;
  }
}

TEST(CgroupIoTest, Version2IsTheSumOfTheDevices) {
  const std::string text =
      "8:16 rbytes=1 wbytes=20 rios=7 wios=7 dbytes=7 dios=7\n8:0 \n"
      "253:0 rbytes=300 wbytes=4000 rios=7 wios=7 cost.usage=7\n";
  const CgroupIo expected = {.read_bytes = 301, .written_bytes = 4020};
  EXPECT_EQ(parse_io_stat(text), expected);
  EXPECT_EQ(parse_io_stat(""), CgroupIo());
}

TEST(CgroupIoTest, ADeviceWithoutALineOfItsOwnHidesNoOther) {
  const CgroupIo expected = {.read_bytes = 1, .written_bytes = 2};
  EXPECT_EQ(parse_io_stat("8:0 253:0 8:16 rbytes=1 wbytes=2 rios=0\n8:32 "), expected);
}

TEST(CgroupIoTest, Version1HasALineForEachKind) {
  const std::string text =
      "8:0 Read 1\n8:0 Write 20\n8:0 Sync 21\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 21\n"
      "8:16 Read 300\n8:16 Write 4000\n8:16 Total 4300\nTotal 4321\n";
  const CgroupIo expected = {.read_bytes = 301, .written_bytes = 4020};
  EXPECT_EQ(parse_blkio(text), expected);
  EXPECT_EQ(parse_blkio("Total 0\n"), CgroupIo());
  expect_no_part_of(text, text.size(), [](std::string_view part) { return parse_blkio(part); });
  expect_no_part_of("8:0 Read 1\nTotal 4321\n", 99,
                    [](std::string_view part) { return parse_blkio(part); });
}

TEST(CgroupIoTest, NonsenseIsNothingAndSumsStayAtTheLargestNumber) {
  const std::string beyond(kBeyond);
  for (const std::string& text :
       {"8:0 rbytes=" + beyond + "\n", std::string("8:0 rbytes=1"), std::string("8:0 rbytes=x\n"),
        std::string("8:0 wbytes=\n"), std::string("nonsense\n"), std::string("\n")}) {
    EXPECT_FALSE(parse_io_stat(text)) << text;
  }
  for (const std::string& text : {"8:0 Read " + beyond + "\nTotal 0\n", std::string(),
                                  std::string("8:0 Read\nTotal 0\n"), std::string("nonsense\n")}) {
    EXPECT_FALSE(parse_blkio(text)) << text;
  }
  const std::string last = "9223372036854775807";
  EXPECT_EQ(parse_io_stat("8:0 rbytes=" + last + "\n8:1 rbytes=" + last + "\n")->read_bytes,
            INT64_MAX);
  EXPECT_EQ(parse_blkio("8:0 Write " + last + "\n8:1 Write 1\nTotal 0\n")->written_bytes,
            INT64_MAX);
}

TEST(CgroupMountTest, BothVersionsAreFoundAmongOthers) {
  const auto mounts = parse_cgroup_mounts(
      "23 1 0:21 / /proc rw - proc proc rw\n"
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 /docker/a\\040b /sys/fs/c\\134x2d\\011g rw,relatime shared:1 master:2 - cgroup "
      "my\\040name rw,cpu,cpuacct\n"
      "41 31 0:38 /.. /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw,nsdelegate\n");
  ASSERT_TRUE(mounts);
  ASSERT_EQ(mounts->size(), 2U);
  EXPECT_EQ(mounts->at(0), (CgroupMount{.point = "/sys/fs/c\\x2d\tg",
                                        .root = "/docker/a b",
                                        .is_v2 = false,
                                        .options = {"rw", "cpu", "cpuacct"}}));
  EXPECT_EQ(mounts->at(1),
            (CgroupMount{
                .point = "/sys/fs/cgroup/unified", .root = "/..", .is_v2 = true, .options = {}}));
}

TEST(CgroupMountTest, ATextThatIsNoListOfMountsIsNothing) {
  for (const std::string text :
       {"", "nonsense\n", "32 31 0:29 / /sys rw - cgroup cgroup rw", "1 2 3 - cgroup cgroup rw\n",
        "32 31 0:29 root /sys rw - cgroup2 cgroup2 rw\n"}) {
    EXPECT_FALSE(parse_cgroup_mounts(text)) << text;
  }
  // An invalid escape is unchanged.
  const auto mounts = parse_cgroup_mounts("1 2 3 / /a\\04\\8\\777\\ - cgroup2 c rw\n");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->front().point, "/a\\04\\8\\777\\");
}

TEST(CgroupPathTest, AGroupIsBelowAMountOrNot) {
  EXPECT_EQ(below_mount("/", "/docker/a"), "docker/a");
  EXPECT_EQ(below_mount("/", "/"), ".");
  EXPECT_EQ(below_mount("/docker/a", "/docker/a"), ".");
  EXPECT_EQ(below_mount("/docker/a", "/docker/a/b c/\\x2d"), "b c/\\x2d");
  EXPECT_EQ(below_mount("/", "//docker/./a/"), "docker/a");
  EXPECT_EQ(below_mount("/../..", "/../../docker/a"), "docker/a");
  EXPECT_FALSE(below_mount("/docker/a", "/docker/ab"));
  EXPECT_FALSE(below_mount("/docker/a", "/docker"));
  EXPECT_FALSE(below_mount("/..", "/docker/a"));
}

TEST(CgroupPathTest, NoPathLeavesTheMount) {
  for (const std::string& path :
       {std::string("/.."), std::string("/../docker/a"), std::string("/docker/../../etc"),
        std::string("/../../../docker"), std::string("/a/.."), std::string("/a\0b", 4)}) {
    EXPECT_FALSE(below_mount("/", path)) << path;
  }
  EXPECT_FALSE(below_mount("/..", "/../../docker/a"));
}

}  // namespace
}  // namespace vigia
