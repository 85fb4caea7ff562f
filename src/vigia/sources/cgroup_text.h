// Parsers of the files of control groups. The kernel describes them in Documentation/admin-guide:
// cgroup-v2.rst for version 2, and cgroup-v1/memory.rst, cpuacct.rst, pids.rst and
// blkio-controller.rst for version 1.
//
// A file may be cut short or hold anything. A parser returns nothing then, and never reads beyond
// its text. Figures are from 0 to 2^63 - 1, and a larger sum becomes 2^63 - 1.
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

// A file with one number: memory.current, memory.peak, pids.current; cpuacct.usage,
// memory.usage_in_bytes and others of version 1.
[[nodiscard]] std::optional<std::int64_t> parse_figure(std::string_view text);

// memory.max, pids.max and memory.limit_in_bytes: a number, or "max" for no limit. Version 1 has
// the largest number of whole pages for no limit.
struct CgroupLimit {
  Cgroup::Figure most;  // empty without a limit

  friend bool operator==(const CgroupLimit&, const CgroupLimit&) = default;
};
[[nodiscard]] std::optional<CgroupLimit> parse_limit(std::string_view text);

// The bandwidth limit of processors.
struct CgroupThrottling {
  std::int64_t periods = 0;
  std::int64_t throttled_periods = 0;
  std::int64_t throttled_ns = 0;

  friend bool operator==(const CgroupThrottling&, const CgroupThrottling&) = default;
};

// cpu.stat of version 1.
[[nodiscard]] std::optional<CgroupThrottling> parse_throttling(std::string_view text);

// cpu.stat of version 2. Every group has the times, and a group with the controller the rest.
struct CgroupCpu {
  std::int64_t usage_ns = 0;
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::optional<CgroupThrottling> throttling;

  friend bool operator==(const CgroupCpu&, const CgroupCpu&) = default;
};
[[nodiscard]] std::optional<CgroupCpu> parse_cgroup_cpu(std::string_view text);

// cpuacct.stat, which has clock ticks.
struct CgroupTimes {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;

  friend bool operator==(const CgroupTimes&, const CgroupTimes&) = default;
};
[[nodiscard]] std::optional<CgroupTimes> parse_cpuacct_stat(std::string_view text,
                                                            std::int64_t ticks_a_second);

// memory.stat. Version 1 has the kernel's and sockets' memory in other files. In version 2, kernels
// before 5.18 have only parts of the kernel's memory: stacks, page tables, per-processor data and
// slab are added up.
struct CgroupMemory {
  std::int64_t anon_bytes = 0;
  std::int64_t inactive_file_bytes = 0;
  Cgroup::Figure kernel_bytes;
  Cgroup::Figure sock_bytes;

  friend bool operator==(const CgroupMemory&, const CgroupMemory&) = default;
};
[[nodiscard]] std::optional<CgroupMemory> parse_cgroup_memory_v1(std::string_view text);
[[nodiscard]] std::optional<CgroupMemory> parse_cgroup_memory_v2(std::string_view text);

// memory.events of version 2, and memory.oom_control of version 1. Version 1 has no `ooms`, and
// kernels before 4.13 have no `oom_kills`.
struct CgroupOoms {
  Cgroup::Figure ooms;
  Cgroup::Figure oom_kills;

  friend bool operator==(const CgroupOoms&, const CgroupOoms&) = default;
};
[[nodiscard]] std::optional<CgroupOoms> parse_memory_events(std::string_view text);
[[nodiscard]] std::optional<CgroupOoms> parse_oom_control(std::string_view text);

// io.stat and blkio.throttle.io_service_bytes, summed over all devices. io.stat is empty if nothing
// was read or written.
struct CgroupIo {
  std::int64_t read_bytes = 0;
  std::int64_t written_bytes = 0;

  friend bool operator==(const CgroupIo&, const CgroupIo&) = default;
};
[[nodiscard]] std::optional<CgroupIo> parse_io_stat(std::string_view text);
[[nodiscard]] std::optional<CgroupIo> parse_blkio(std::string_view text);

// A line of /proc/self/mountinfo (proc(5)) where control groups are mounted.
struct CgroupMount {
  std::string point;
  std::string root;  // the group at the mount's root; "/" is the root of our cgroup namespace
  bool is_v2 = false;
  std::vector<std::string> options;  // of version 1, with its controllers

  friend bool operator==(const CgroupMount&, const CgroupMount&) = default;
};
[[nodiscard]] std::optional<std::vector<CgroupMount>> parse_cgroup_mounts(std::string_view text);

// The path of group `path` below a mount of `root`, without a slash at its start. "." is the mount
// itself. Returns nothing if the group is not below it: a path may leave our cgroup namespace by
// "..".
[[nodiscard]] std::optional<std::string> below_mount(std::string_view root, std::string_view path);

}  // namespace vigia
