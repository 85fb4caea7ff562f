// The usage of a host between two samples: rates, shares and the sums of containers.
//
// A process is the same in both samples if pid and start are equal. A reused pid is a new process.
// A rate is unknown when its counter decreased, or when only one sample has it. A process that
// started within the interval is an exception: all its processor time counts.
//
// A container's rate comes from the counter of its control group. If a sample lacks that counter,
// the rate is the sum over the container's processes. The sum is unknown if one of them has no
// rate. A process that ended within the interval has no rate, so the sum misses its time.
//
// Threads: values and functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vigia/sample/sample.h"

namespace vigia {

// Percent of one processor: a host with two has up to 200.
using CpuPercent = std::optional<double>;

struct ContainerUsage {
  std::string id;
  std::optional<std::string> runtime;  // as container_of() gives it
  std::int32_t processes = 0;
  // From its control group, with processes that ended. Where that is unknown, the sum over the
  // processes that it has now.
  std::int64_t cpu_ns = 0;
  CpuPercent cpu_percent;
  std::optional<double> throttled_percent;  // of its periods within the interval, 0 to 100
  std::int64_t rss_bytes = 0;               // sum over its processes
  Cgroup cgroup;                            // of its own group; includes all groups below it
};

// One process of a Usage. It points into that Usage.
struct ProcessUsage {
  const Process* process = nullptr;
  CpuPercent cpu_percent;
  const ContainerUsage* container = nullptr;  // null outside of one

  [[nodiscard]] std::int64_t cpu_ns() const { return process->cpu_ns(); }
  [[nodiscard]] std::int64_t rss_bytes() const { return process->rss_bytes(); }
  [[nodiscard]] std::optional<std::string_view> container_id() const {
    return container == nullptr ? std::nullopt : std::optional<std::string_view>(container->id);
  }
};

struct Usage {
  Sample sample;                                      // the later one
  std::int64_t interval_ns = 0;                       // between the two; 0 with one sample
  CpuPercent busy_percent;                            // all but idle time and waiting for the disk
  std::vector<CpuPercent> cpu_percent;                // of each process of the sample
  std::vector<std::optional<std::size_t>> container;  // of each process: its place in `containers`
  std::vector<ContainerUsage> containers;             // in the order of their first processes

  // When the later sample was taken, as in RFC 3339.
  [[nodiscard]] std::string taken_at() const;
  // The process at `place` of the sample; valid as long as this usage.
  [[nodiscard]] ProcessUsage process(std::size_t place) const;
};

// The usage of one sample, which has no rates.
[[nodiscard]] Usage usage_of(Sample sample);

// The usage between two samples. It has no rates if they are of two boots, or if `after` is not
// later than `before`.
[[nodiscard]] Usage usage_of(const Sample& before, Sample after);

}  // namespace vigia
