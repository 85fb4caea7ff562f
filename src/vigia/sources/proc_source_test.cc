#include "vigia/sources/proc_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/test_folder.h"
#include "vigia/sources/test_proc.h"

namespace vigia {
namespace {

using base::test::TempFolder;
using test::FakeProc;
using testing::HasSubstr;

class ProcSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    proc_.add_process(20);
    proc_.add_process(3);
    auto source = ProcSource::open({.root = proc_.path(), .command_bytes = 64});
    ASSERT_TRUE(source) << source.error().message();
    source_ = *std::move(source);
  }

  const Sample& read() {
    const auto done = source_->read(sample_);
    EXPECT_TRUE(done) << done.error().message();
    return sample_;
  }
  std::string refusal() {
    const auto done = source_->read(sample_);
    return done ? "none" : done.error().message();
  }

  FakeProc proc_;
  std::unique_ptr<ProcSource> source_;
  Sample sample_;
};

TEST_F(ProcSourceTest, AHostAndItsProcessesAreThereInOrderOfPid) {
  const Sample& sample = read();
  EXPECT_EQ(sample.source, "proc");
  EXPECT_EQ(sample.kernel, "6.1.0-test");
  EXPECT_EQ(sample.boot_id, "0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f");
  EXPECT_GT(sample.uptime_ns, 0);
  EXPECT_EQ(sample.memory.total_bytes, 8192);
  EXPECT_EQ(sample.load.fifteen, 0.3);
  EXPECT_EQ(sample.cpus.size(), 1U);
  ASSERT_EQ(sample.processes.size(), 2U);
  EXPECT_EQ(sample.processes[0].pid, 3);
  const std::int64_t tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  Process expected;
  expected.pid = 20;
  expected.ppid = 1;
  expected.threads = 4;
  expected.oom_score_adj = -1000;
  expected.uid = 1020;
  expected.state = 'R';
  expected.start_ns = 500 * tick_ns;
  expected.user_ns = 7 * tick_ns;
  expected.system_ns = 3 * tick_ns;
  expected.vsz_bytes = 8192;
  expected.rss_anon_bytes = 10 * 1024;
  expected.rss_file_bytes = 1024;
  expected.rss_shmem_bytes = 2048;
  expected.name = "sleep";
  expected.command = "sleep 60";
  expected.cgroup = "/system.slice";
  expected.read_ns = sample.processes[1].read_ns;
  EXPECT_GE(expected.read_ns, sample.uptime_ns);
  EXPECT_EQ(sample.processes[1], expected);
  EXPECT_EQ(sample.hidden, 0);
}

TEST_F(ProcSourceTest, AnEmptyBootIdIsUnknown) {
  proc_.write("sys/kernel/random/boot_id", "");
  auto source = ProcSource::open({.root = proc_.path()});
  ASSERT_TRUE(source) << source.error().message();
  ASSERT_TRUE((*source)->read(sample_));
  EXPECT_EQ(sample_.boot_id, std::nullopt);
}

TEST_F(ProcSourceTest, ProcessesComeAndGo) {
  read();
  proc_.remove("3");
  proc_.add_process(7);
  proc_.add_process(100);
  const Sample& sample = read();
  std::vector<std::int32_t> pids;
  pids.reserve(sample.processes.size());
  for (const Process& each : sample.processes) pids.push_back(each.pid);
  EXPECT_EQ(pids, (std::vector<std::int32_t>{7, 20, 100}));
}

TEST_F(ProcSourceTest, AProcessThatGoesWhileItIsReadIsLeftOut) {
  for (const char* file : {"stat", "status", "cgroup", "oom_score_adj", "cmdline"}) {
    proc_.add_process(3, file);  // a new name forces a read of all its files
    proc_.remove(std::string("3/") + file);
    EXPECT_EQ(read().processes.size(), 1U) << file;
  }
}

TEST_F(ProcSourceTest, OneFileIsReadForAnUnchangedProcess) {
  read();
  for (const char* file : {"status", "cgroup", "oom_score_adj", "cmdline"}) {
    proc_.write(std::string("20/") + file, "nonsense");
  }
  EXPECT_EQ(read().processes[1].command, "sleep 60");
}

TEST_F(ProcSourceTest, AChangedProcessIsReadAgain) {
  const auto command_after = [&](auto change) {
    proc_.add_process(20);
    read();
    proc_.write("20/cmdline", "another");
    change();
    return read().processes[1].command;
  };
  EXPECT_EQ(command_after([&] { proc_.write_stat(20, "exec", 500, 10); }), "another");
  EXPECT_EQ(command_after([&] { proc_.write_stat(20, "sleep", 501, 10); }), "another");
  EXPECT_EQ(command_after([&] { proc_.write_stat(20, "sleep", 500, 11); }), "another");
  EXPECT_EQ(command_after([&] { proc_.write_stat(20, "sleep", 500, 10, 5); }), "another");
  EXPECT_EQ(command_after([] {}), "sleep 60");
}

TEST_F(ProcSourceTest, ACommandLineIsCutAtItsBound) {
  proc_.write("3/cmdline", std::string(2 << 20, 'x'));
  EXPECT_EQ(read().processes[0].command, std::string(64, 'x'));
}

TEST_F(ProcSourceTest, NonsenseIsNamedAndTheNextReadIsRight) {
  int start = 501;
  proc_.add_process(3, "");  // an error removed the process from the cache, so it is read again
  read();
  for (const std::string file :
       {"stat", "meminfo", "loadavg", "20/stat", "20/status", "20/cgroup", "20/oom_score_adj"}) {
    for (const std::string_view text : {"x", "nonsense\n", "\xff\xfe"}) {
      proc_.add_process(20, "sleep", start++);  // a new process, so all its files are read
      const std::string good = base::test::read_file(proc_.path() + "/" + file);
      proc_.write(file, text);
      EXPECT_THAT(refusal(), HasSubstr(proc_.path() + "/" + file + " is not as"));
      proc_.write(file, good);
      EXPECT_EQ(read().processes.size(), 2U);
      EXPECT_EQ(sample_.processes[0].command, "sleep 60");
    }
  }
}

TEST_F(ProcSourceTest, AFileWithAnotherPidIsNonsense) {
  proc_.write("20/stat", base::test::read_file(proc_.path() + "/3/stat"));
  EXPECT_THAT(refusal(), HasSubstr("20/stat"));
}

TEST_F(ProcSourceTest, AFolderThatIsNoProcIsUnavailable) {
  const TempFolder empty;
  for (const std::string& root : {empty.path(), empty / "none"}) {
    const auto source = ProcSource::open({.root = root});
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code(), base::Code::kUnavailable);
    EXPECT_THAT(source.error().message(), HasSubstr(root));
  }
}

// A process that sleeps as long as the object lives.
class Child {
 public:
  explicit Child(const char* name) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, name);
    while (true) ::pause();
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  const pid_t pid_;
};

TEST(RealProcTest, OurselvesAndAHostileChildAreThere) {
  const auto source = ProcSource::open({});
  ASSERT_TRUE(source) << source.error().message();
  constexpr const char* kHostile = ") S 1 2\"\\\n\x1b\xff";
  const Child child(kHostile);
  const auto of = [](const Sample& sample, pid_t pid) {
    const auto found = std::ranges::find(sample.processes, pid, &Process::pid);
    return found == sample.processes.end() ? nullptr : &*found;
  };
  Sample sample;
  // The process sets its name a moment after its start.
  const Process* hostile = nullptr;
  for (int i = 0; i < 10'000 && (hostile == nullptr || hostile->name != kHostile); ++i) {
    ASSERT_TRUE((*source)->read(sample));
    hostile = of(sample, child.pid());
  }
  ASSERT_NE(hostile, nullptr);
  EXPECT_EQ(hostile->name, kHostile);
  EXPECT_EQ(hostile->ppid, ::getpid());
  const Process* self = of(sample, ::getpid());
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->uid, ::getuid());
  EXPECT_GT(self->rss_anon_bytes, 0);
  EXPECT_GE(self->vsz_bytes, self->rss_bytes());
  EXPECT_GT(self->cpu_ns(), 0);
  EXPECT_THAT(self->command, HasSubstr("unit_tests"));
  EXPECT_TRUE(self->cgroup.starts_with('/'));
  EXPECT_LT(self->start_ns, sample.uptime_ns);
  EXPECT_TRUE(std::ranges::is_sorted(sample.processes, {}, &Process::pid));
}

}  // namespace
}  // namespace vigia
