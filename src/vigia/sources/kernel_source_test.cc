#include "vigia/sources/kernel_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iterator>

#include "vigia/sources/test_proc.h"
#include "vigia/sources/test_rows.h"

namespace vigia {
namespace {

using test::FakeProc;
using test::row_of;
using test::stream_of;
using testing::HasSubstr;

// A stream of the bytes that the test puts into `now`.
class GivenRows final : public RowStream {
 public:
  explicit GivenRows(const base::Result<std::string>& now) : now_(now) {}

  [[nodiscard]] std::string_view name() const override { return "given"; }
  [[nodiscard]] std::string_view place() const override { return "what is given"; }
  [[nodiscard]] base::Result<std::string_view> read() override {
    if (!now_) return base::fail(now_.error());
    return *now_;
  }

 private:
  const base::Result<std::string>& now_;
};

constexpr std::uint64_t kGroup = 77;

class KernelSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    add(3);
    add(20);
    auto source = KernelSource::open(std::make_unique<GivenRows>(bytes_),
                                     {.proc = proc_.path(), .command_bytes = 64});
    ASSERT_TRUE(source) << source.error().message();
    source_ = *std::move(source);
  }

  // Adds a process to /proc, and its row.
  Row& add(int pid) {
    proc_.add_process(pid);
    Row row = row_of(pid);
    row.start_ns = start_ns(500);
    row.exec_id = 1;
    row.vsz_bytes = 8192;
    row.cgroup_id = kGroup;
    rows_.push_back(row);
    return rows_.back();
  }

  // Within that tick.
  static std::uint64_t start_ns(int ticks) {
    return static_cast<std::uint64_t>(ticks) * 1'000'000'000 /
               static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)) +
           123;
  }

  const Sample& read() {
    bytes_ = stream_of(rows_);
    const auto done = source_->read(sample_);
    EXPECT_TRUE(done) << done.error().message();
    return sample_;
  }
  base::Error refusal() {
    const auto done = source_->read(sample_);
    return done ? base::Error(base::Code::kInternal, "none") : done.error();
  }
  base::Error refusal_of_rows() {
    bytes_ = stream_of(rows_);
    return refusal();
  }

  std::string group_of(std::size_t process, std::string_view path) {
    proc_.write(std::to_string(rows_[process].pid) + "/cgroup", fmt::format("0::{}\n", path));
    return read().processes[process].cgroup;
  }

  FakeProc proc_;
  std::vector<Row> rows_;
  base::Result<std::string> bytes_;
  std::unique_ptr<KernelSource> source_;
  Sample sample_;
};

TEST_F(KernelSourceTest, EachFigureOfARowBecomesTheFigureOfThatName) {
  Row& row = rows_[1];
  row.ppid = 3;
  row.threads = 4;
  row.oom_score_adj = -999;
  row.uid = 4'000'000'000;
  row.state = 'D';
  row.read_ns = 5;
  row.runtime_ns = 1000;
  row.user_ns = 3;
  row.system_ns = 1;
  row.vsz_bytes = 6;
  row.rss_anon_bytes = 7;
  row.rss_file_bytes = 8;
  row.rss_shmem_bytes = 9;
  std::memcpy(row.name, "a name", 6);
  Process expected;
  expected.pid = 20;
  expected.ppid = 3;
  expected.threads = 4;
  expected.oom_score_adj = -999;
  expected.uid = 4'000'000'000;
  expected.state = 'D';
  expected.start_ns = static_cast<std::int64_t>(start_ns(500));
  expected.read_ns = 5;
  expected.user_ns = 750;
  expected.system_ns = 250;
  expected.vsz_bytes = 6;
  expected.rss_anon_bytes = 7;
  expected.rss_file_bytes = 8;
  expected.rss_shmem_bytes = 9;
  expected.name = "a name";
  expected.command = "sleep 60";
  expected.cgroup = "/system.slice";
  const Sample& sample = read();
  ASSERT_EQ(sample.processes.size(), 2U);
  EXPECT_EQ(sample.processes[0].pid, 3);
  EXPECT_EQ(sample.processes[1], expected);
}

TEST_F(KernelSourceTest, TheHostIsAsProcHasIt) {
  sample_.hidden = 7;  // of another source
  const Sample& sample = read();
  EXPECT_EQ(sample.source, "given");
  EXPECT_EQ(sample.kernel, "6.1.0-test");
  EXPECT_EQ(sample.memory.swap_total_bytes, 3 * 1024);
  EXPECT_EQ(sample.load.fifteen, 0.3);
  EXPECT_EQ(sample.cpus.size(), 1U);
  EXPECT_EQ(sample.hidden, 0);
}

TEST_F(KernelSourceTest, ANameMayFillItsFieldAndHoldAnything) {
  std::memset(rows_[0].name, '\xff', sizeof(rows_[0].name));
  EXPECT_EQ(read().processes[0].name, std::string(VIGIA_NAME_BYTES, '\xff'));
}

TEST_F(KernelSourceTest, ACommandIsReadAgainAfterAnExecAlone) {
  EXPECT_EQ(read().processes[1].command, "sleep 60");
  proc_.write("20/cmdline", "another");
  EXPECT_EQ(read().processes[1].command, "sleep 60");
  ++rows_[1].exec_id;
  EXPECT_EQ(read().processes[1].command, "another");
  EXPECT_EQ(sample_.processes[0].command, "sleep 60");
}

TEST_F(KernelSourceTest, ACommandIsReadAgainForAReusedPid) {
  read();
  proc_.write("20/cmdline", "another");
  proc_.write_stat(20, "sleep", 501, 10);
  rows_[1].start_ns = start_ns(501);
  EXPECT_EQ(read().processes[1].command, "another");
}

TEST_F(KernelSourceTest, ACommandStaysWithItsProcessWhileOthersComeAndGo) {
  proc_.write("20/cmdline", "mine");
  read();
  rows_.erase(rows_.begin());
  EXPECT_EQ(read().processes[0].command, "mine");
  rows_.clear();
  EXPECT_TRUE(read().processes.empty());
  proc_.write("20/cmdline", "anew");
  add(1);
  add(20);
  proc_.write("20/cmdline", "anew");
  EXPECT_EQ(read().processes[1].command, "anew");
  EXPECT_EQ(sample_.processes[0].command, "sleep 60");
}

TEST_F(KernelSourceTest, ACommandThatWasEmptyIsLookedForAgain) {
  proc_.write("20/cmdline", "");
  EXPECT_EQ(read().processes[1].command, "");
  proc_.write("20/cmdline", "sleep");
  EXPECT_EQ(read().processes[1].command, "sleep");
}

TEST_F(KernelSourceTest, ACommandIsCutAtItsBound) {
  proc_.write("3/cmdline", std::string(1000, 'x'));
  EXPECT_EQ(read().processes[0].command, std::string(64, 'x'));
}

TEST_F(KernelSourceTest, NoCommandIsReadForAKernelThread) {
  rows_[0].flags = VIGIA_KERNEL_THREAD;
  EXPECT_EQ(read().processes[0].command, "");
}

TEST_F(KernelSourceTest, AReusedPidGivesNoTextOfTheNewProcess) {
  proc_.write_stat(3, "other", 501, 10);
  rows_[1].cgroup_id = kGroup + 1;
  const Sample& sample = read();
  EXPECT_EQ(sample.processes[0].command, "");
  EXPECT_EQ(sample.processes[0].cgroup, "");
  EXPECT_EQ(sample.processes[1].command, "sleep 60");
}

TEST_F(KernelSourceTest, AProcessThatHasGoneKeepsItsCounters) {
  rows_[0].runtime_ns = 5;
  for (const char* gone : {"3/cmdline", "3/cgroup", "3/stat", "3"}) {
    proc_.remove(gone);
    ++rows_[0].exec_id;
    const Sample& sample = read();
    ASSERT_EQ(sample.processes.size(), 2U) << gone;
    EXPECT_EQ(sample.processes[0].user_ns, 5);
    EXPECT_EQ(sample.processes[0].command, "");
    // Another process in the group has the group's path.
    EXPECT_EQ(sample.processes[1].cgroup, "/system.slice");
  }
}

TEST_F(KernelSourceTest, AProcessReleasedMeanwhileIsLeftOut) {
  rows_[0].threads = 0;
  const Sample& sample = read();
  ASSERT_EQ(sample.processes.size(), 1U);
  EXPECT_EQ(sample.processes[0].pid, 20);
}

TEST_F(KernelSourceTest, APathIsReadTwiceThenKept) {
  EXPECT_EQ(group_of(0, "/a"), "/a");
  EXPECT_EQ(sample_.processes[1].cgroup, "/a");  // from the group's first process
  EXPECT_EQ(group_of(0, "/a"), "/a");
  EXPECT_EQ(group_of(0, "/b"), "/a");
  EXPECT_EQ(group_of(0, "nonsense"), "/a");
  EXPECT_EQ(sample_.processes[1].cgroup, "/a");
}

TEST_F(KernelSourceTest, APathOfAProcessThatJustMovedIsCorrected) {
  EXPECT_EQ(group_of(0, "/moved"), "/moved");
  EXPECT_EQ(group_of(0, "/right"), "/right");
  EXPECT_EQ(sample_.processes[1].cgroup, "/right");
  EXPECT_EQ(group_of(0, "/right"), "/right");
  EXPECT_EQ(group_of(0, "/another"), "/right");
}

TEST_F(KernelSourceTest, APathIsConfirmedByAnyProcessThatIsLeft) {
  EXPECT_EQ(group_of(0, "/a"), "/a");
  rows_.erase(rows_.begin());
  EXPECT_EQ(group_of(0, "/b"), "/b");
}

TEST_F(KernelSourceTest, APathThatCannotBeConfirmedIsKept) {
  EXPECT_EQ(group_of(0, "/a"), "/a");
  proc_.remove("3/cgroup");
  EXPECT_EQ(read().processes[0].cgroup, "/a");
  EXPECT_EQ(sample_.processes[1].cgroup, "/a");
  EXPECT_EQ(group_of(0, "/b"), "/b");
}

TEST_F(KernelSourceTest, AProcessThatEndsGivesNoPathToOthers) {
  rows_[0].vsz_bytes = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(group_of(0, "/"), "/system.slice");
    EXPECT_EQ(sample_.processes[1].cgroup, "/system.slice");
  }
}

TEST_F(KernelSourceTest, AProcessThatEndsAloneIsInTheGroupThatProcHas) {
  rows_[0].vsz_bytes = 0;
  rows_[0].cgroup_id = kGroup + 1;
  EXPECT_EQ(group_of(0, "/a"), "/a");
  EXPECT_EQ(group_of(0, "/b"), "/b");
}

TEST_F(KernelSourceTest, AKernelThreadGivesItsPathWithoutMemory) {
  rows_[0].vsz_bytes = 0;
  rows_[0].flags = VIGIA_KERNEL_THREAD;
  EXPECT_EQ(group_of(0, "/"), "/");
  EXPECT_EQ(sample_.processes[1].cgroup, "/");
}

TEST_F(KernelSourceTest, AnEmptyGroupIsForgotten) {
  EXPECT_EQ(group_of(0, "/a"), "/a");
  EXPECT_EQ(group_of(0, "/a"), "/a");
  for (Row& each : rows_) each.cgroup_id = kGroup + 1;
  EXPECT_EQ(group_of(0, "/b"), "/b");
  for (Row& each : rows_) each.cgroup_id = kGroup;
  EXPECT_EQ(group_of(0, "/c"), "/c");
}

TEST_F(KernelSourceTest, GroupsDifferByTheirIds) {
  rows_[1].cgroup_id = kGroup + 1;
  proc_.write("20/cgroup", "0::/b\n");
  EXPECT_EQ(group_of(0, "/a"), "/a");
  EXPECT_EQ(sample_.processes[1].cgroup, "/b");
}

TEST_F(KernelSourceTest, WithoutAGroupThereIsNoPath) {
  rows_[0].cgroup_id = 0;
  EXPECT_EQ(group_of(0, "/a"), "");
}

TEST_F(KernelSourceTest, NonsenseOfAProcessNamesItsFileAndTheNextReadIsRight) {
  for (const std::string file : {"20/stat", "20/cgroup"}) {
    for (const std::string_view text : {"x", "nonsense\n", "\xff\xfe"}) {
      ++rows_[1].exec_id;  // forces a read of its command
      rows_[1].cgroup_id = kGroup + rows_[1].exec_id;
      const std::string good = base::test::read_file(proc_.path() + "/" + file);
      proc_.write(file, text);
      const base::Error error = refusal_of_rows();
      EXPECT_EQ(error.code(), base::Code::kCorruption);
      EXPECT_THAT(error.message(), HasSubstr(proc_.path() + "/" + file + " is not as"));
      proc_.write(file, good);
      EXPECT_EQ(read().processes.size(), 2U);
      for (const Process& each : sample_.processes) {
        EXPECT_EQ(each.command, "sleep 60");
        EXPECT_EQ(each.cgroup, "/system.slice");
      }
    }
  }
}

TEST_F(KernelSourceTest, AnErrorInTheRowsNamesTheirPlace) {
  read();
  bytes_ = "nonsense";
  EXPECT_EQ(refusal().message(), "what is given: the header is cut");
  EXPECT_EQ(refusal().code(), base::Code::kCorruption);
  bytes_ = stream_of(rows_);
  (*bytes_)[4] = 9;  // its schema
  EXPECT_EQ(refusal().code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(refusal().message(), HasSubstr("what is given: its rows have schema 9"));
  EXPECT_EQ(read().processes[1].command, "sleep 60");
}

TEST_F(KernelSourceTest, AnErrorOfTheStreamIsReturnedAndTheNextReadIsRight) {
  read();
  bytes_ = base::fail(base::Code::kUnavailable, "reading it: gone");
  EXPECT_EQ(refusal().code(), base::Code::kUnavailable);
  EXPECT_EQ(refusal().message(), "reading it: gone");
  EXPECT_EQ(read().processes[1].command, "sleep 60");
}

TEST_F(KernelSourceTest, TheSamplesMemoryIsUsedAgain) {
  proc_.write("20/cmdline", std::string(60, 'x'));
  const Process* processes = read().processes.data();
  const char* command = sample_.processes[1].command.data();
  read();
  EXPECT_EQ(sample_.processes.data(), processes);
  EXPECT_EQ(sample_.processes[1].command.data(), command);
}

TEST_F(KernelSourceTest, NoDescriptorIsLeftOpen) {
  const auto open_ones = [] {
    const std::filesystem::directory_iterator folder("/proc/self/fd");
    return std::distance(begin(folder), end(folder));
  };
  read();
  const auto before = open_ones();
  for (int i = 0; i < 10; ++i) {
    for (Row& each : rows_) ++each.exec_id;
    read();
  }
  EXPECT_EQ(open_ones(), before);
}

TEST(KernelSourceOpenTest, AFolderThatIsNoProcIsUnavailable) {
  const base::test::TempFolder empty;
  const base::Result<std::string> bytes;
  const auto source =
      KernelSource::open(std::make_unique<GivenRows>(bytes), {.proc = empty.path()});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(source.error().message(), HasSubstr(empty.path()));
}

}  // namespace
}  // namespace vigia
