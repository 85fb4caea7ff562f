// One reading of a host's counters. Each process and each control group has a moment of its own
// (read_ns). No figure is derived from two samples. Every source (source.h) fills the same fields.
// A figure that a source cannot read is empty. fields.h has the meaning of each.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigia {

// Processor time since boot, by its use. `user` and `nice` include guest time.
struct CpuTimes {
  std::int64_t user_ns = 0;
  std::int64_t nice_ns = 0;
  std::int64_t system_ns = 0;
  std::int64_t idle_ns = 0;
  std::int64_t iowait_ns = 0;
  std::int64_t irq_ns = 0;
  std::int64_t softirq_ns = 0;
  std::int64_t steal_ns = 0;

  friend bool operator==(const CpuTimes&, const CpuTimes&) = default;
};

struct Memory {
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;
  std::int64_t available_bytes = 0;
  std::int64_t buffers_bytes = 0;
  std::int64_t cached_bytes = 0;
  std::int64_t slab_reclaimable_bytes = 0;
  std::optional<std::int64_t> swap_total_bytes;  // null in a kernel module's document
  std::int64_t swap_free_bytes = 0;

  friend bool operator==(const Memory&, const Memory&) = default;
};

// Tasks that run or wait for the disk, averaged over 1, 5 and 15 minutes.
struct Load {
  double one = 0;
  double five = 0;
  double fifteen = 0;

  friend bool operator==(const Load&, const Load&) = default;
};

// The letters of proc(5).
inline constexpr std::string_view kProcessStates = "RSDTtXZPI";

struct Process {
  std::int32_t pid = 0;  // in the reader's pid namespace, like ppid
  std::int32_t ppid = 0;
  std::int32_t threads = 0;
  std::int32_t oom_score_adj = 0;
  std::uint32_t uid = 0;      // of the real user
  char state = '?';           // one of kProcessStates
  std::int64_t start_ns = 0;  // since boot; no other process has this start and this pid
  std::int64_t read_ns = 0;   // since boot, when its counters were read
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::int64_t vsz_bytes = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
  // Any bytes but NUL: a process chooses its own name and arguments.
  std::string name;
  std::string command;  // its arguments with blanks between them; empty for a kernel thread
  // Path in the hierarchy that counts its memory, in our own cgroup namespace. Empty without one.
  std::string cgroup;

  [[nodiscard]] std::int64_t cpu_ns() const { return user_ns + system_ns; }
  [[nodiscard]] std::int64_t rss_bytes() const {
    return rss_anon_bytes + rss_file_bytes + rss_shmem_bytes;
  }

  friend bool operator==(const Process&, const Process&) = default;
};

// The kernel's figures of a control group and all groups below it. A figure is empty if its
// controller is missing or the kernel is too old for it.
struct Cgroup {
  using Figure = std::optional<std::int64_t>;

  std::string path;          // as in Process::cgroup
  std::int64_t read_ns = 0;  // since boot, when its counters were read
  Figure cpu_ns;             // cpu_ns to throttled_ns count since the group was made
  Figure user_ns;
  Figure system_ns;
  Figure periods;            // of the bandwidth limit, in which the group had something to run
  Figure throttled_periods;  // those in which the group had to wait for the next one
  Figure throttled_ns;
  Figure memory_bytes;         // all that is charged to the group
  Figure working_set_bytes;    // memory_bytes without inactive pages of files
  Figure unreclaimable_bytes;  // anonymous, kernel and socket memory
  Figure peak_bytes;           // peak of memory_bytes
  Figure memory_max_bytes;     // empty without a limit
  Figure ooms;                 // times at the limit when nothing could be freed
  Figure oom_kills;            // processes that an OOM killer killed
  Figure pids;                 // processes and threads
  Figure pids_max;             // empty without a limit
  Figure io_read_bytes;        // from and to block devices
  Figure io_written_bytes;

  friend bool operator==(const Cgroup&, const Cgroup&) = default;
};

struct Sample {
  std::string source;  // Source::name()
  std::string kernel;  // release
  std::optional<std::string> boot_id;
  std::int64_t wall_ms = 0;    // since 1970, when it was taken
  std::int64_t uptime_ns = 0;  // since boot, with time asleep
  CpuTimes cpu;
  std::vector<CpuTimes> cpus;  // of each processor that is online
  Memory memory;
  Load load;
  std::vector<Process> processes;  // in ascending order of pid
  std::vector<Cgroup> cgroups;     // of the containers that hold a process, in order of path
  std::int32_t hidden = 0;         // processes that /proc hides; `processes` lacks them
};

}  // namespace vigia
