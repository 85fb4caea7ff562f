// The catalogue of fields: each figure and each text of a host, declared once.
//
//   a sample (sample.h)                            a usage (usage.h)
//   kSampleFields, kCpuFields, kMemoryFields,      kUsageFields, kHostFields,
//   kLoadFields, kProcessFields, kCgroupFields     kProcessUsageFields, kContainerUsageFields
//
// The catalogue defines the JSON of samples (sample_json.cc) and usages (usage_json.cc), in this
// order. It also defines the table's headings and units (app/usage_table.cc) and the tables of
// docs/vigia.md (fields_test.cc).
//
// A new figure of a process needs a member in sample.h and a row in kProcessFields. If a snapshot
// shows it, it also needs a row in kProcessUsageFields.
//
// Threads: constants.
#pragma once

#include <cstdint>
#include <tuple>

#include "vigia/sample/field.h"
#include "vigia/sample/sample.h"
#include "vigia/sample/usage.h"

namespace vigia {

// A sum of four such values fits in 64 bits.
inline constexpr std::int64_t kSummandMax = INT64_MAX / 4;

inline constexpr std::tuple kSampleFields = {
    Field{"source", &Sample::source, Kind::kLabel, "the source that was read"},
    Field{"kernel", &Sample::kernel, Kind::kLabel, "release of the kernel"},
    Field{"boot_id", &Sample::boot_id, Kind::kLabel,
          "the kernel's id of this boot; null if unknown"},
    Field{"wall_ms", &Sample::wall_ms, Kind::kTimestamp, "when the sample was taken, since 1970"}
        .within(0, 253'402'300'799'999),  // the year 9999 ends
    Field{"uptime_ns", &Sample::uptime_ns, Kind::kTimestamp,
          "when the sample was taken, since boot, with time asleep"},
    Field{"hidden_processes", &Sample::hidden, Kind::kGauge,
          "processes that /proc hides; the sample lacks them"}};

// The fields of all processors together, and of each one.
inline constexpr std::tuple kCpuFields = {
    Field{"user_ns", &CpuTimes::user_ns, Kind::kCounter, "in user mode, with guests"},
    Field{"nice_ns", &CpuTimes::nice_ns, Kind::kCounter,
          "in user mode at a lowered priority, with guests"},
    Field{"system_ns", &CpuTimes::system_ns, Kind::kCounter, "in the kernel"},
    Field{"idle_ns", &CpuTimes::idle_ns, Kind::kCounter, "idle"},
    Field{"iowait_ns", &CpuTimes::iowait_ns, Kind::kCounter,
          "idle while a task waited for the disk"},
    Field{"irq_ns", &CpuTimes::irq_ns, Kind::kCounter, "in hardware interrupts"},
    Field{"softirq_ns", &CpuTimes::softirq_ns, Kind::kCounter, "in software interrupts"},
    Field{"steal_ns", &CpuTimes::steal_ns, Kind::kCounter,
          "taken by the host of this virtual machine"}};

inline constexpr std::tuple kMemoryFields = {
    Field{"total_bytes", &Memory::total_bytes, Kind::kGauge, "memory that the kernel manages"},
    Field{"free_bytes", &Memory::free_bytes, Kind::kGauge, "unused memory"},
    Field{"available_bytes", &Memory::available_bytes, Kind::kGauge,
          "memory that programs could get without swapping"},
    Field{"buffers_bytes", &Memory::buffers_bytes, Kind::kGauge, "buffers of block devices"},
    Field{"cached_bytes", &Memory::cached_bytes, Kind::kGauge, "page cache, with tmpfs"},
    Field{"slab_reclaimable_bytes", &Memory::slab_reclaimable_bytes, Kind::kGauge,
          "caches of the kernel that it can give back"},
    Field{"swap_total_bytes", &Memory::swap_total_bytes, Kind::kGauge, "size of the swap space"},
    Field{"swap_free_bytes", &Memory::swap_free_bytes, Kind::kGauge, "unused swap space"}};

inline constexpr std::tuple kLoadFields = {
    Field{"one", &Load::one, Kind::kGauge,
          "tasks that run or wait for the disk, averaged over 1 minute"},
    Field{"five", &Load::five, Kind::kGauge, "the same over 5 minutes"},
    Field{"fifteen", &Load::fifteen, Kind::kGauge, "the same over 15 minutes"}};

inline constexpr std::tuple kProcessFields = {
    Field{"pid", &Process::pid, Kind::kLabel, "number in the reader's pid namespace"}
        .within(1, INT32_MAX)
        .headed("PID"),
    Field{"ppid", &Process::ppid, Kind::kLabel, "pid of its parent"},
    Field{"threads", &Process::threads, Kind::kGauge, "threads of the process"},
    Field{"oom_score_adj", &Process::oom_score_adj, Kind::kGauge,
          "added to its score when the kernel chooses a process to kill, -1000 to 1000"}
        .within(-1000, 1000),
    Field{"uid", &Process::uid, Kind::kLabel, "number of the real user"}.headed("UID"),
    Field{"state", &Process::state, Kind::kLabel, "R, S, D, T, t, X, Z, P or I, as in proc(5)"},
    Field{"start_ns", &Process::start_ns, Kind::kTimestamp,
          "when it started, since boot, with time asleep"},
    Field{"read_ns", &Process::read_ns, Kind::kTimestamp,
          "when its counters were read, since boot, with time asleep"},
    Field{"user_ns", &Process::user_ns, Kind::kCounter, "time in user mode"}.within(0, kSummandMax),
    Field{"system_ns", &Process::system_ns, Kind::kCounter, "time in the kernel"}.within(
        0, kSummandMax),
    Field{"vsz_bytes", &Process::vsz_bytes, Kind::kGauge, "address space"},
    Field{"rss_anon_bytes", &Process::rss_anon_bytes, Kind::kGauge,
          "anonymous memory that is in RAM"}
        .within(0, kSummandMax),
    Field{"rss_file_bytes", &Process::rss_file_bytes, Kind::kGauge, "mapped files that are in RAM"}
        .within(0, kSummandMax),
    Field{"rss_shmem_bytes", &Process::rss_shmem_bytes, Kind::kGauge,
          "shared memory that is in RAM"}
        .within(0, kSummandMax),
    Field{"name", &Process::name, Kind::kLabel, "its name, which it may change"}.headed("NAME"),
    Field{"command", &Process::command, Kind::kLabel,
          "arguments with blanks between them; empty for a kernel thread"}
        .headed("COMMAND"),
    Field{"cgroup", &Process::cgroup, Kind::kLabel,
          "path in the hierarchy that counts memory, from our own cgroup namespace"}};

inline constexpr std::tuple kCgroupFields = {
    Field{"path", &Cgroup::path, Kind::kLabel, "path, as in the processes' cgroup"},
    Field{"read_ns", &Cgroup::read_ns, Kind::kTimestamp,
          "when its counters were read, since boot, with time asleep"},
    Field{"cpu_ns", &Cgroup::cpu_ns, Kind::kCounter,
          "processor time since the group was made, with processes that ended"},
    Field{"user_ns", &Cgroup::user_ns, Kind::kCounter, "part of cpu_ns in user mode"},
    Field{"system_ns", &Cgroup::system_ns, Kind::kCounter, "part of cpu_ns in the kernel"},
    Field{"periods", &Cgroup::periods, Kind::kCounter,
          "periods of the bandwidth limit in which the group had something to run"},
    Field{"throttled_periods", &Cgroup::throttled_periods, Kind::kCounter,
          "periods in which the group had to wait for the next one"},
    Field{"throttled_ns", &Cgroup::throttled_ns, Kind::kCounter,
          "time that it waited at the bandwidth limit, all processors together"},
    Field{"memory_bytes", &Cgroup::memory_bytes, Kind::kGauge,
          "all memory that is charged to the group, with its page cache"},
    Field{"working_set_bytes", &Cgroup::working_set_bytes, Kind::kGauge,
          "memory_bytes without inactive pages of files, as the kubelet has it; at least 0"}
        .headed("WORK"),
    Field{"unreclaimable_bytes", &Cgroup::unreclaimable_bytes, Kind::kGauge,
          "anonymous, kernel and socket memory; unlike page cache it cannot be dropped"}
        .headed("HELD"),
    Field{"peak_bytes", &Cgroup::peak_bytes, Kind::kGauge, "peak of memory_bytes"},
    Field{"memory_max_bytes", &Cgroup::memory_max_bytes, Kind::kGauge,
          "its own limit of memory_bytes; null without one"}
        .headed("MAX"),
    Field{"ooms", &Cgroup::ooms, Kind::kCounter,
          "times that the group was at its limit and no memory could be freed"},
    Field{"oom_kills", &Cgroup::oom_kills, Kind::kCounter,
          "processes of the group that any OOM killer killed"}
        .headed("KILLS"),
    Field{"pids", &Cgroup::pids, Kind::kGauge, "processes and threads"},
    Field{"pids_max", &Cgroup::pids_max, Kind::kGauge, "limit of pids; null without one"},
    Field{"io_read_bytes", &Cgroup::io_read_bytes, Kind::kCounter,
          "read from all block devices together"},
    Field{"io_written_bytes", &Cgroup::io_written_bytes, Kind::kCounter,
          "written to all block devices together"}};

template <auto Get>
inline constexpr auto kOfSample = of_part<&Usage::sample, kSampleFields, Get>();

inline constexpr std::tuple kUsageFields = {
    kOfSample<&Sample::source>,
    kOfSample<&Sample::kernel>,
    kOfSample<&Sample::boot_id>,
    Field{"taken_at", &Usage::taken_at, Kind::kTimestamp,
          "when the later sample was taken, as in RFC 3339, in UTC"},
    kOfSample<&Sample::uptime_ns>,
    Field{"interval_ns", &Usage::interval_ns, Kind::kGauge,
          "time between the two samples; 0 with one sample"},
    kOfSample<&Sample::hidden>};

inline constexpr std::tuple kHostFields = {
    Field{"busy_percent", &Usage::busy_percent, Kind::kGauge,
          "processor time except idle and waiting for the disk; 100 for each processor"}};

template <auto Get>
inline constexpr auto kOfProcess = of_part<&ProcessUsage::process, kProcessFields, Get>();

inline constexpr std::tuple kProcessUsageFields = {
    kOfProcess<&Process::pid>,
    kOfProcess<&Process::ppid>,
    kOfProcess<&Process::start_ns>,
    kOfProcess<&Process::state>,
    kOfProcess<&Process::uid>,
    kOfProcess<&Process::name>,
    kOfProcess<&Process::command>,
    kOfProcess<&Process::cgroup>,
    Field{"container", &ProcessUsage::container_id, Kind::kLabel,
          "id of its container, by its path; null outside of one"}
        .headed("CONTAINER"),
    kOfProcess<&Process::threads>,
    Field{"cpu_ns", &ProcessUsage::cpu_ns, Kind::kCounter, "user_ns and system_ns"}.headed("CPU"),
    kOfProcess<&Process::user_ns>,
    kOfProcess<&Process::system_ns>,
    Field{"cpu_percent", &ProcessUsage::cpu_percent, Kind::kGauge,
          "processor time within the interval; 100 for each processor"}
        .headed("CPU"),
    kOfProcess<&Process::vsz_bytes>,
    Field{"rss_bytes", &ProcessUsage::rss_bytes, Kind::kGauge,
          "rss_anon_bytes, rss_file_bytes and rss_shmem_bytes"}
        .headed("RSS"),
    kOfProcess<&Process::rss_anon_bytes>,
    kOfProcess<&Process::rss_file_bytes>,
    kOfProcess<&Process::rss_shmem_bytes>,
    kOfProcess<&Process::oom_score_adj>};

template <auto Get>
inline constexpr auto kOfCgroup = of_part<&ContainerUsage::cgroup, kCgroupFields, Get>();

inline constexpr std::tuple kContainerUsageFields = {
    Field{"id", &ContainerUsage::id, Kind::kLabel, "64 hexadecimal digits"}.headed("CONTAINER"),
    Field{"runtime", &ContainerUsage::runtime, Kind::kLabel,
          "docker, podman, containerd, cri-o or kubernetes; null if the path does not name one"}
        .headed("RUNTIME"),
    Field{"cgroup", kOfCgroup<&Cgroup::path>.get, Kind::kLabel, "path of its own control group"},
    Field{"processes", &ContainerUsage::processes, Kind::kGauge, "processes in the container now"}
        .headed("PROCESSES"),
    Field{"cpu_ns", &ContainerUsage::cpu_ns, Kind::kCounter,
          "cpu_ns of its control group; where that is unknown, the sum of its processes"}
        .headed("CPU"),
    kOfCgroup<&Cgroup::user_ns>,
    kOfCgroup<&Cgroup::system_ns>,
    Field{"cpu_percent", &ContainerUsage::cpu_percent, Kind::kGauge,
          "processor time within the interval; 100 for each processor"}
        .headed("CPU"),
    kOfCgroup<&Cgroup::throttled_ns>,
    Field{"throttled_percent", &ContainerUsage::throttled_percent, Kind::kGauge,
          "percentage of the interval's periods that were throttled"}
        .headed("THR"),
    Field{"rss_bytes", &ContainerUsage::rss_bytes, Kind::kGauge,
          "sum of its processes; memory that two share counts twice"}
        .headed("RSS"),
    kOfCgroup<&Cgroup::memory_bytes>,
    kOfCgroup<&Cgroup::working_set_bytes>,
    kOfCgroup<&Cgroup::unreclaimable_bytes>,
    kOfCgroup<&Cgroup::peak_bytes>,
    kOfCgroup<&Cgroup::memory_max_bytes>,
    kOfCgroup<&Cgroup::ooms>,
    kOfCgroup<&Cgroup::oom_kills>,
    kOfCgroup<&Cgroup::pids>,
    kOfCgroup<&Cgroup::pids_max>,
    kOfCgroup<&Cgroup::io_read_bytes>,
    kOfCgroup<&Cgroup::io_written_bytes>};

}  // namespace vigia
