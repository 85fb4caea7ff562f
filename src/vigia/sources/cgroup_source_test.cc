#include "vigia/sources/cgroup_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

#include "base/test_folder.h"

namespace vigia {
namespace {

using base::test::TempFolder;
using testing::HasSubstr;

const std::string kId(64, 'a');
const std::string kPath = "/docker/" + kId;

// Folders that a test fills, and a mountinfo file that names them.
class FakeMounts {
 public:
  void mount_v1(const std::string& name, const std::string& controllers,
                const std::string& root = "/") {
    add(name, root, "cgroup cgroup rw," + controllers);
  }
  void mount_v2(const std::string& name, const std::string& root = "/") {
    add(name, root, "cgroup2 cgroup2 rw");
  }
  void write(const std::string& path, std::string_view text) const {
    const std::filesystem::path file = folder_ / path;
    std::filesystem::create_directories(file.parent_path());
    base::test::write_file(file, text);
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(folder_ / path); }

  void add_group_v1(const std::string& path = kPath) const {
    write("cpu,cpuacct" + path + "/cgroup.procs", "1\n");
    write("cpu,cpuacct" + path + "/cpuacct.usage", "5000000001\n");
    write("cpu,cpuacct" + path + "/cpuacct.stat", "user 300\nsystem 200\n");
    write("cpu,cpuacct" + path + "/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 77\n");
    write("memory" + path + "/cgroup.procs", "1\n");
    write("memory" + path + "/memory.usage_in_bytes", "1000\n");
    write("memory" + path + "/memory.stat", "total_rss 400\ntotal_inactive_file 250\n");
    write("memory" + path + "/memory.kmem.usage_in_bytes", "30\n");
    write("memory" + path + "/memory.kmem.tcp.usage_in_bytes", "2\n");
    write("memory" + path + "/memory.max_usage_in_bytes", "2000\n");
    write("memory" + path + "/memory.limit_in_bytes", "9223372036854771712\n");
    write("memory" + path + "/memory.oom_control", "under_oom 0\noom_kill 6\n");
    write("pids" + path + "/pids.current", "12\n");
    write("pids" + path + "/pids.max", "max\n");
    write("blkio" + path + "/blkio.throttle.io_service_bytes_recursive",
          "8:0 Read 4096\n8:0 Write 8192\nTotal 12288\n");
  }
  void mount_all_v1() {
    mount_v1("cpu,cpuacct", "cpu,cpuacct");
    for (const char* each : {"memory", "pids", "blkio"}) mount_v1(each, each);
  }

  void add_group_v2(const std::string& path = kPath) const {
    write("unified" + path + "/cgroup.procs", "1\n");
    write("unified" + path + "/cpu.stat",
          "usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 9\n"
          "nr_throttled 4\nthrottled_usec 77\n");
    write("unified" + path + "/memory.current", "1000\n");
    write("unified" + path + "/memory.stat", "anon 400\nkernel 30\nsock 2\ninactive_file 250\n");
    write("unified" + path + "/memory.peak", "2000\n");
    write("unified" + path + "/memory.max", "4096\n");
    write("unified" + path + "/memory.events", "oom 7\noom_kill 6\n");
    write("unified" + path + "/pids.current", "12\n");
    write("unified" + path + "/pids.max", "100\n");
    write("unified" + path + "/io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=1\n");
  }

  // A test that removes files needs files_max 0: an open file stays readable here, but not in a
  // real mount.
  [[nodiscard]] CgroupSource open(std::size_t files_max = 2048) const {
    base::test::write_file(mountinfo(), lines_);
    auto source = CgroupSource::open({.mountinfo = mountinfo(), .files_max = files_max});
    EXPECT_TRUE(source) << source.error().message();
    return *std::move(source);
  }

  [[nodiscard]] std::string path() const { return folder_.path(); }
  [[nodiscard]] std::string mountinfo() const { return folder_ / "mountinfo"; }

 private:
  void add(const std::string& name, const std::string& root, const std::string& kind) {
    std::filesystem::create_directories(folder_ / name);
    lines_ += fmt::format("31 23 0:28 {} {} rw shared:1 - {}\n", root, folder_ / name, kind);
  }

  TempFolder folder_;
  std::string lines_ = "23 1 0:21 / /proc rw - proc proc rw\n";
};

Sample sample_of(const std::vector<std::string>& cgroups) {
  Sample sample;
  for (const std::string& each : cgroups) {
    Process process;
    process.pid = static_cast<std::int32_t>(sample.processes.size()) + 1;
    process.cgroup = each;
    sample.processes.push_back(process);
  }
  return sample;
}

std::vector<Cgroup> read(CgroupSource& source, const std::vector<std::string>& cgroups = {kPath}) {
  Sample sample = sample_of(cgroups);
  const auto done = source.read(sample);
  EXPECT_TRUE(done) << done.error().message();
  return sample.cgroups;
}

std::vector<std::string> paths_of(const std::vector<Cgroup>& cgroups) {
  std::vector<std::string> paths;
  for (const Cgroup& each : cgroups) paths.push_back(each.path);
  return paths;
}

Cgroup expected_v1(const Cgroup& read) {
  Cgroup cgroup;
  cgroup.path = kPath;
  cgroup.read_ns = read.read_ns;
  const std::int64_t tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  cgroup.cpu_ns = 5'000'000'001;
  cgroup.user_ns = 300 * tick_ns;
  cgroup.system_ns = 200 * tick_ns;
  cgroup.periods = 9;
  cgroup.throttled_periods = 4;
  cgroup.throttled_ns = 77;
  cgroup.memory_bytes = 1000;
  cgroup.working_set_bytes = 750;
  cgroup.unreclaimable_bytes = 432;
  cgroup.peak_bytes = 2000;
  cgroup.oom_kills = 6;
  cgroup.pids = 12;
  cgroup.io_read_bytes = 4096;
  cgroup.io_written_bytes = 8192;
  return cgroup;
}

TEST(CgroupSourceTest, Version1IsReadFromAMountForEachController) {
  FakeMounts mounts;
  mounts.mount_all_v1();
  mounts.add_group_v1();
  CgroupSource source = mounts.open();
  const auto cgroups = read(source);
  ASSERT_EQ(cgroups.size(), 1U);
  EXPECT_GT(cgroups[0].read_ns, 0);
  EXPECT_EQ(cgroups[0], expected_v1(cgroups[0]));
}

TEST(CgroupSourceTest, Version2IsReadFromItsOneMount) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  mounts.add_group_v2();
  CgroupSource source = mounts.open();
  const auto cgroups = read(source);
  ASSERT_EQ(cgroups.size(), 1U);
  Cgroup expected = expected_v1(cgroups[0]);
  expected.cpu_ns = 5'000'000'000;
  expected.user_ns = 3'000'000'000;
  expected.system_ns = 2'000'000'000;
  expected.throttled_ns = 77'000;
  expected.ooms = 7;
  expected.memory_max_bytes = 4096;
  expected.pids_max = 100;
  EXPECT_EQ(cgroups[0], expected);
}

TEST(CgroupSourceTest, FiguresOfVersion1AreNotReadFromVersion2) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  mounts.mount_all_v1();
  mounts.add_group_v1();
  // Version 2 without controllers, and nonsense in a file that must not be read.
  mounts.write("unified" + kPath + "/cpu.stat", "nonsense\n");
  mounts.write("unified" + kPath + "/memory.current", "nonsense\n");
  CgroupSource source = mounts.open();
  const auto cgroups = read(source);
  ASSERT_EQ(cgroups.size(), 1U);
  EXPECT_EQ(cgroups[0], expected_v1(cgroups[0]));
}

TEST(CgroupSourceTest, FiguresThatVersion1LacksAreReadFromVersion2) {
  FakeMounts mounts;
  mounts.mount_v1("cpu,cpuacct", "cpu");
  mounts.mount_v2("unified");
  mounts.write("cpu,cpuacct" + kPath + "/cpu.stat",
               "nr_periods 1\nnr_throttled 1\nthrottled_time 1\n");
  mounts.add_group_v2();
  CgroupSource source = mounts.open();
  const auto cgroups = read(source);
  ASSERT_EQ(cgroups.size(), 1U);
  EXPECT_EQ(cgroups[0].cpu_ns, 5'000'000'000);
  EXPECT_EQ(cgroups[0].throttled_ns, 1);
  EXPECT_EQ(cgroups[0].memory_bytes, 1000);
}

TEST(CgroupSourceTest, EachContainerIsThereOnceByItsOwnGroup) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  const std::string other = "/a b\\x2dc.slice/docker-" + std::string(64, 'b') + ".scope";
  mounts.add_group_v2();
  mounts.add_group_v2(other);
  mounts.add_group_v2("/system.slice");
  CgroupSource source = mounts.open();
  EXPECT_EQ(paths_of(read(source, {kPath + "/below", kPath, "/system.slice", other + "/init",
                                   kPath + "/" + std::string(64, 'c'), ""})),
            (std::vector<std::string>{other, kPath}));
}

TEST(CgroupSourceTest, FiguresAreReadAnewEachTime) {
  for (const std::size_t files_max : {0U, 2048U}) {
    FakeMounts mounts;
    mounts.mount_v2("unified");
    mounts.add_group_v2();
    CgroupSource source = mounts.open(files_max);
    EXPECT_EQ(read(source).front().memory_bytes, 1000);
    mounts.write("unified" + kPath + "/memory.current", "7\n");
    EXPECT_EQ(read(source).front().memory_bytes, 7);
    EXPECT_EQ(read(source).front().working_set_bytes, 0);
  }
}

TEST(CgroupSourceTest, ContainersComeAndGo) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  std::vector<std::string> all;
  for (const char each : {'a', 'b', 'c', 'd'}) all.push_back("/docker/" + std::string(64, each));
  for (const std::string& each : all) mounts.add_group_v2(each);
  CgroupSource source = mounts.open();
  for (const std::vector<std::string>& now :
       {all, {all[1], all[3]}, {all[0], all[2], all[3]}, {}, {all[2]}}) {
    EXPECT_EQ(paths_of(read(source, now)), now);
  }
}

TEST(CgroupSourceTest, AMissingFileGivesNoFigure) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  const std::string group = "unified" + kPath;
  CgroupSource source = mounts.open(0);
  for (const auto& [file, figure] : {std::pair{"memory.peak", &Cgroup::peak_bytes},
                                     {"memory.current", &Cgroup::working_set_bytes},
                                     {"memory.stat", &Cgroup::unreclaimable_bytes},
                                     {"io.stat", &Cgroup::io_written_bytes},
                                     {"memory.events", &Cgroup::ooms},
                                     {"cpu.stat", &Cgroup::cpu_ns}}) {
    mounts.add_group_v2();
    mounts.remove(group + "/" + file);
    const auto cgroups = read(source);
    ASSERT_EQ(cgroups.size(), 1U) << file;
    EXPECT_FALSE(cgroups[0].*figure) << file;
    EXPECT_EQ(cgroups[0].pids, 12) << file;
  }
}

TEST(CgroupSourceTest, GroupsBelowAreCountedIfTheKernelCountsThem) {
  FakeMounts mounts;
  mounts.mount_v1("blkio", "blkio");
  mounts.write("blkio" + kPath + "/cgroup.procs", "1\n");
  mounts.write("blkio" + kPath + "/blkio.throttle.io_service_bytes", "8:0 Read 1\nTotal 1\n");
  CgroupSource source = mounts.open(0);
  EXPECT_EQ(read(source).front().io_read_bytes, 1);
  mounts.write("blkio" + kPath + "/blkio.throttle.io_service_bytes_recursive",
               "8:0 Read 5\nTotal 5\n");
  EXPECT_EQ(read(source).front().io_read_bytes, 5);
}

TEST(CgroupSourceTest, ARemovedGroupIsLeftOut) {
  FakeMounts mounts;
  mounts.mount_all_v1();
  mounts.add_group_v1();
  CgroupSource source = mounts.open(0);
  EXPECT_EQ(read(source).size(), 1U);
  for (const char* each : {"cpu,cpuacct", "memory", "pids", "blkio"}) {
    mounts.remove(each + std::string("/docker"));
  }
  EXPECT_TRUE(read(source).empty());
  mounts.add_group_v1();
  EXPECT_EQ(read(source).size(), 1U);
}

TEST(CgroupSourceTest, AGroupRemovedDuringTheReadIsLeftOut) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  mounts.add_group_v2();
  for (const char* each : {"io.stat", "cgroup.procs"}) {
    mounts.remove("unified" + kPath + "/" + each);
  }
  CgroupSource source = mounts.open(0);
  EXPECT_TRUE(read(source).empty());
}

TEST(CgroupSourceTest, NonsenseIsNamedAndTheNextReadIsRight) {
  FakeMounts mounts;
  mounts.mount_all_v1();
  mounts.add_group_v1();
  CgroupSource source = mounts.open();
  for (const std::string file :
       {"cpu,cpuacct/cpuacct.usage", "cpu,cpuacct/cpuacct.stat", "cpu,cpuacct/cpu.stat",
        "memory/memory.usage_in_bytes", "memory/memory.stat", "memory/memory.kmem.usage_in_bytes",
        "memory/memory.kmem.tcp.usage_in_bytes", "memory/memory.max_usage_in_bytes",
        "memory/memory.limit_in_bytes", "memory/memory.oom_control", "pids/pids.current",
        "pids/pids.max", "blkio/blkio.throttle.io_service_bytes_recursive"}) {
    const auto slash = file.find('/');
    const std::string path = file.substr(0, slash) + kPath + file.substr(slash);
    for (const std::string_view text : {"", "x", "nonsense\n", "\xff\xfe", "-1\n"}) {
      mounts.write(path, text);
      Sample sample = sample_of({kPath});
      const auto done = source.read(sample);
      ASSERT_FALSE(done) << path;
      EXPECT_EQ(done.error().code(), base::Code::kCorruption);
      EXPECT_EQ(done.error().message(),
                mounts.path() + "/" + path + " is not as the kernel has it");
      mounts.add_group_v1();
      EXPECT_EQ(read(source).size(), 1U);
    }
  }
}

TEST(CgroupSourceTest, AFileBeyondTheBoundIsNonsense) {
  FakeMounts mounts;
  mounts.mount_v2("unified");
  mounts.add_group_v2();
  mounts.write("unified" + kPath + "/io.stat", std::string(1 << 20, 'x') + "\n");
  CgroupSource source = mounts.open();
  Sample sample = sample_of({kPath});
  EXPECT_THAT(source.read(sample).error().message(), HasSubstr("io.stat"));
}

TEST(CgroupSourceTest, NoPathLeavesAMount) {
  FakeMounts mounts;
  mounts.mount_v2("mount/unified");
  mounts.write("mount" + kPath + "/pids.current", "5\n");
  mounts.write("mount" + kPath + "/cgroup.procs", "5\n");
  CgroupSource source = mounts.open();
  EXPECT_TRUE(read(source, {"/.." + kPath, "/x/../.." + kPath}).empty());
}

TEST(CgroupSourceTest, AMountMayHaveAnotherRootThanOurNamespace) {
  FakeMounts mounts;
  mounts.mount_v2("below", kPath);
  mounts.write("below/pids.current", "5\n");
  mounts.write("below/cgroup.procs", "1\n");
  CgroupSource below = mounts.open();
  EXPECT_EQ(read(below, {kPath, "/docker/" + std::string(64, 'b')}).size(), 1U);

  FakeMounts host;
  host.mount_v2("own", "/");
  host.mount_v2("unified", "/../..");
  host.add_group_v2();
  CgroupSource above = host.open();
  EXPECT_EQ(paths_of(read(above, {"/../.." + kPath})), std::vector{"/../.." + kPath});
}

TEST(CgroupSourceTest, TheMountThatShowsMoreIsRead) {
  FakeMounts mounts;
  mounts.mount_v1("part", "pids", kPath);
  mounts.mount_v1("whole", "pids");
  mounts.mount_v1("other_part", "pids", kPath);
  mounts.write("whole" + kPath + "/pids.current", "5\n");
  mounts.write("whole" + kPath + "/cgroup.procs", "1\n");
  CgroupSource source = mounts.open();
  EXPECT_EQ(read(source).front().pids, 5);
}

TEST(CgroupSourceTest, WithoutMountsThereAreNoFigures) {
  CgroupSource source = FakeMounts().open();
  Sample sample = sample_of({kPath});
  sample.cgroups.resize(2);
  EXPECT_TRUE(source.read(sample));
  EXPECT_TRUE(sample.cgroups.empty());
}

TEST(CgroupSourceTest, WithoutAListOfMountsThereIsNoSource) {
  const TempFolder folder;
  const auto none = CgroupSource::open({.mountinfo = folder / "none"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(none.error().message(), HasSubstr(folder / "none"));
  base::test::write_file(folder / "bad", "nonsense\n");
  const auto bad = CgroupSource::open({.mountinfo = folder / "bad"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), base::Code::kCorruption);
  EXPECT_THAT(bad.error().message(), HasSubstr(folder / "bad"));
}

// A test's own group in a real hierarchy. Skipped when the test may not make one.
class RealCgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto mounts = parse_cgroup_mounts(base::test::read_file("/proc/self/mountinfo"));
    ASSERT_TRUE(mounts);
    const auto has_pids = [](const CgroupMount& each) {
      return std::ranges::find(each.options, "pids") != each.options.end();
    };
    auto mount = std::ranges::find_if(*mounts, has_pids);
    if (mount == mounts->end()) mount = std::ranges::find_if(*mounts, &CgroupMount::is_v2);
    if (mount == mounts->end()) GTEST_SKIP() << "NOT TESTED: no control groups are mounted";
    const std::string name = "/vigia-test-" + std::to_string(::getpid());
    parent_ = mount->point + name;
    const std::string root = mount->root == "/" ? "" : mount->root;
    path_ = root + name + "/" + kId;
    if (::mkdir(parent_.c_str(), 0755) != 0) {
      GTEST_SKIP() << "NOT TESTED: no control group may be made at " << parent_;
    }
    make();
  }
  void TearDown() override {
    remove();
    ::rmdir(parent_.c_str());
  }
  void make() const { EXPECT_EQ(::mkdir((parent_ + "/" + kId).c_str(), 0755), 0); }
  void remove() const { ::rmdir((parent_ + "/" + kId).c_str()); }

  std::string parent_;
  std::string path_;
};

TEST_F(RealCgroupTest, AGroupIsThereUntilItIsRemovedAndAgainWhenItIsMadeAnew) {
  for (const std::size_t files_max : {0U, 2048U}) {
    auto source = CgroupSource::open({.files_max = files_max});
    ASSERT_TRUE(source) << source.error().message();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(paths_of(read(*source, {path_})), std::vector{path_});
      EXPECT_EQ(paths_of(read(*source, {path_ + "/below"})), std::vector{path_});
      remove();
      // In one round the group is made again before a read misses it.
      const bool is_missed = i == 1 || read(*source, {path_}).empty();
      EXPECT_TRUE(is_missed);
      make();
    }
  }
}

}  // namespace
}  // namespace vigia
