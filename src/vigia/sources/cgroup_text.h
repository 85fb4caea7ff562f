// What the files of control groups say, as values: of version 2 (Documentation/admin-guide/
// cgroup-v2.rst of the kernel) and of version 1 (cgroup-v1/memory.rst, cpuacct.rst, pids.rst and
// blkio-controller.rst beside it). Files may be cut short or say anything: a parser gives nothing
// then, and never reads beyond its text. Figures are from 0 to 2^63 - 1; sums stay at the last.
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

// A number alone: memory.current, memory.peak and pids.current; cpuacct.usage,
// memory.usage_in_bytes and their like.
[[nodiscard]] std::optional<std::int64_t> parse_figure(std::string_view text);

// memory.max, pids.max or memory.limit_in_bytes: a number, or "max" for no limit, which in version
// 1 is the largest number that is whole pages.
struct CgroupLimit {
  Cgroup::Figure most;

  friend bool operator==(const CgroupLimit&, const CgroupLimit&) = default;
};
[[nodiscard]] std::optional<CgroupLimit> parse_limit(std::string_view text);

// Of the bandwidth limit of processors.
struct CgroupThrottling {
  std::int64_t periods = 0;
  std::int64_t throttled_periods = 0;
  std::int64_t throttled_ns = 0;

  friend bool operator==(const CgroupThrottling&, const CgroupThrottling&) = default;
};

// cpu.stat of version 1.
[[nodiscard]] std::optional<CgroupThrottling> parse_throttling(std::string_view text);

// cpu.stat of version 2, which has the times in every group, and the rest where the controller is.
struct CgroupCpu {
  std::int64_t usage_ns = 0;
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;
  std::optional<CgroupThrottling> throttling;

  friend bool operator==(const CgroupCpu&, const CgroupCpu&) = default;
};
[[nodiscard]] std::optional<CgroupCpu> parse_cgroup_cpu(std::string_view text);

// cpuacct.stat, which is in clock ticks.
struct CgroupTimes {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;

  friend bool operator==(const CgroupTimes&, const CgroupTimes&) = default;
};
[[nodiscard]] std::optional<CgroupTimes> parse_cpuacct_stat(std::string_view text,
                                                            std::int64_t ticks_a_second);

// memory.stat. Version 1 has kernel and sockets in files of their own. Kernels before 5.18 tell
// version 2's `kernel` by its parts, of which stacks, page tables, per-processor data and slab are
// added up.
struct CgroupMemory {
  std::int64_t anon_bytes = 0;
  std::int64_t inactive_file_bytes = 0;
  Cgroup::Figure kernel_bytes;
  Cgroup::Figure sock_bytes;

  friend bool operator==(const CgroupMemory&, const CgroupMemory&) = default;
};
[[nodiscard]] std::optional<CgroupMemory> parse_cgroup_memory_v1(std::string_view text);
[[nodiscard]] std::optional<CgroupMemory> parse_cgroup_memory_v2(std::string_view text);

// memory.events of version 2, and memory.oom_control of version 1, which has no `ooms`. Kernels
// before 4.13 have no `oom_kills`.
struct CgroupOoms {
  Cgroup::Figure ooms;
  Cgroup::Figure oom_kills;

  friend bool operator==(const CgroupOoms&, const CgroupOoms&) = default;
};
[[nodiscard]] std::optional<CgroupOoms> parse_memory_events(std::string_view text);
[[nodiscard]] std::optional<CgroupOoms> parse_oom_control(std::string_view text);

// Of all devices together: io.stat, which is empty where nothing was read or written, and
// blkio.throttle.io_service_bytes.
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
  std::string root;  // what of the hierarchy is seen there; "/" all that our cgroup namespace has
  bool is_v2 = false;
  std::vector<std::string> options;  // of version 1: its controllers are among them

  friend bool operator==(const CgroupMount&, const CgroupMount&) = default;
};
[[nodiscard]] std::optional<std::vector<CgroupMount>> parse_cgroup_mounts(std::string_view text);

// Where below a mount of `root` the group `path` is, without a slash at its start, "." for the
// mount itself. Nothing where it is not below: a path in our cgroup namespace goes up by "..".
[[nodiscard]] std::optional<std::string> below_mount(std::string_view root, std::string_view path);

}  // namespace vigia
