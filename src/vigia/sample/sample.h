// What one look at a host found: counters as the kernel keeps them, nothing derived. Every source
// (source.h) gives the same figures.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigia {

// Processor time since boot by what it went to, ns. What guests used is in `user` and `nice` too.
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
  std::optional<std::int64_t> swap_total_bytes;  // a kernel module is not told
  std::int64_t swap_free_bytes = 0;

  friend bool operator==(const Memory&, const Memory&) = default;
};

// Tasks that run or wait for the disk, averaged over so many minutes.
struct Load {
  double one = 0;
  double five = 0;
  double fifteen = 0;

  friend bool operator==(const Load&, const Load&) = default;
};

// As proc(5) has them.
inline constexpr std::string_view kProcessStates = "RSDTtXZPI";

struct Process {
  std::int32_t pid = 0;  // as the reader's pid namespace has it, like ppid
  std::int32_t ppid = 0;
  std::int32_t threads = 0;
  std::int32_t oom_score_adj = 0;
  std::uint32_t uid = 0;      // the real one
  char state = '?';           // one of kProcessStates
  std::int64_t start_ns = 0;  // since boot; with the pid it tells a process from all others
  std::int64_t read_ns = 0;   // since boot, when its counters stood so
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::int64_t vsz_bytes = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
  // Any bytes but NUL: a process may call itself what it likes.
  std::string name;
  std::string command;  // its arguments with blanks between them; none of a kernel's thread
  // Path in the hierarchy that counts its memory, as our own cgroup namespace has it; empty where
  // there is none.
  std::string cgroup;

  [[nodiscard]] std::int64_t cpu_ns() const { return user_ns + system_ns; }
  [[nodiscard]] std::int64_t rss_bytes() const {
    return rss_anon_bytes + rss_file_bytes + rss_shmem_bytes;
  }

  friend bool operator==(const Process&, const Process&) = default;
};

// What the kernel counts for a control group with all that is below it. What a controller that is
// not there, or a kernel of its age, does not tell is nothing.
struct Cgroup {
  using Figure = std::optional<std::int64_t>;

  std::string path;          // as of Process::cgroup
  std::int64_t read_ns = 0;  // since boot, when its counters stood so
  Figure cpu_ns;             // cpu_ns to throttled_ns since it was made
  Figure user_ns;
  Figure system_ns;
  Figure periods;            // of the bandwidth limit, in which it had something to run
  Figure throttled_periods;  // those in which it had to wait for the next
  Figure throttled_ns;
  Figure memory_bytes;         // all that is charged to it
  Figure working_set_bytes;    // without what was read from files and not lately used
  Figure unreclaimable_bytes;  // what only its end gives back: anonymous, kernel's, sockets'
  Figure peak_bytes;           // most that memory_bytes was
  Figure memory_max_bytes;     // its limit; nothing: there is none
  Figure ooms;                 // times that it was at the limit and nothing could be freed
  Figure oom_kills;            // processes that were killed for it
  Figure pids;                 // processes and threads
  Figure pids_max;             // nothing: no limit
  Figure io_read_bytes;        // from and to block devices
  Figure io_written_bytes;

  friend bool operator==(const Cgroup&, const Cgroup&) = default;
};

struct Sample {
  std::string source;  // its name, as "proc"
  std::string kernel;  // release
  std::string boot_id;
  std::int64_t wall_ms = 0;    // since 1970, when it was taken
  std::int64_t uptime_ns = 0;  // since boot, with time asleep
  CpuTimes cpu;
  std::vector<CpuTimes> cpus;  // of each that is online
  Memory memory;
  Load load;
  std::vector<Process> processes;  // by pid
  std::vector<Cgroup> cgroups;     // of the containers that they are in, by path
  std::int32_t hidden = 0;         // processes that we may not look at, which are not among them
};

}  // namespace vigia
