// Parsers of the files of /proc (proc(5)).
//
// A file may be cut short or hold anything. A parser returns nothing then, and never reads beyond
// its text.
//
// Threads: functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vigia/sample/sample.h"

namespace vigia {

// /proc/PID/stat. There are sysconf(_SC_CLK_TCK) clock ticks a second.
struct ProcStat {
  std::int32_t pid = 0;
  std::string_view name;  // within the text
  char state = '?';
  std::int32_t ppid = 0;
  std::int64_t user_ticks = 0;
  std::int64_t system_ticks = 0;
  std::int32_t threads = 0;
  std::int64_t start_ticks = 0;
  std::int64_t vsz_bytes = 0;
  std::int64_t rss_pages = 0;
};
[[nodiscard]] std::optional<ProcStat> parse_proc_stat(std::string_view text);

// /proc/PID/status. A kernel thread has no memory of its own: its sizes are 0.
struct ProcStatus {
  std::uint32_t uid = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
};
[[nodiscard]] std::optional<ProcStatus> parse_proc_status(std::string_view text);

// The arguments of /proc/PID/cmdline, with a blank for each NUL between two of them.
[[nodiscard]] std::string command_of(std::string_view text);

// The path of /proc/PID/cgroup in the hierarchy that counts memory. That is the hierarchy of
// version 1 with the controller `memory`; without one it is the hierarchy of version 2. Empty if
// there is neither.
[[nodiscard]] std::optional<std::string_view> cgroup_of(std::string_view text);

// /proc/stat.
struct HostCpu {
  CpuTimes all;
  std::vector<CpuTimes> each;
};
[[nodiscard]] std::optional<HostCpu> parse_host_cpu(std::string_view text,
                                                    std::int64_t ticks_a_second);

// /proc/meminfo.
[[nodiscard]] std::optional<Memory> parse_memory(std::string_view text);

// /proc/loadavg.
[[nodiscard]] std::optional<Load> parse_load(std::string_view text);

}  // namespace vigia
