// What the files of /proc say (proc(5)), as values. Files may be cut short or say anything: a
// parser gives nothing then, and never reads beyond its text.
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

// Of /proc/PID/stat. Times are in clock ticks (sysconf(_SC_CLK_TCK) a second), memory in pages.
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

// Of /proc/PID/status; a kernel's thread has no memory of its own.
struct ProcStatus {
  std::uint32_t uid = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
};
[[nodiscard]] std::optional<ProcStatus> parse_proc_status(std::string_view text);

// The arguments of /proc/PID/cmdline, with a blank for each NUL between two.
[[nodiscard]] std::string command_of(std::string_view text);

// Of /proc/PID/cgroup: the path in the hierarchy that counts memory, where version 1 has the
// controller `memory`, else in the one hierarchy of version 2; empty where there is neither.
[[nodiscard]] std::optional<std::string_view> cgroup_of(std::string_view text);

// Of /proc/stat.
struct HostCpu {
  CpuTimes all;
  std::vector<CpuTimes> each;
};
[[nodiscard]] std::optional<HostCpu> parse_host_cpu(std::string_view text,
                                                    std::int64_t ticks_a_second);

// Of /proc/meminfo.
[[nodiscard]] std::optional<Memory> parse_memory(std::string_view text);

// Of /proc/loadavg.
[[nodiscard]] std::optional<Load> parse_load(std::string_view text);

}  // namespace vigia
