// What happened between two samples of a host: rates, shares and the sums of containers.
//
// A process is the same as before when pid and start are: a pid that was given again is a new
// process. What cannot be told, as a rate of what is in one sample only, or of a counter that went
// back, is not told, rather than told wrong. A container's rate is of its control group's counter;
// where that is not in both samples it is the sum of its processes', and not told where one has
// none. What processes used that ended in between is in no process's rate.
//
// Threads: values and functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vigia/sample/sample.h"

namespace vigia {

// Percent of one processor; of a host with two up to 200.
using CpuPercent = std::optional<double>;

struct ContainerUsage {
  std::string runtime;
  std::string id;
  std::int32_t processes = 0;
  // By its control group, with what processes used that ended; where that is not known, of those
  // that it has now.
  std::int64_t cpu_ns = 0;
  CpuPercent cpu_percent;
  CpuPercent throttled_percent;  // of its periods within the interval, 0 to 100
  std::int64_t rss_bytes = 0;    // of its processes
  Cgroup cgroup;                 // its own; of figures that are not known nothing
};

struct Usage {
  Sample sample;                        // the later one
  std::int64_t interval_ns = 0;         // between the two; 0: there was one
  CpuPercent busy_percent;              // of the host: all but idle and waiting for the disk
  std::vector<CpuPercent> cpu_percent;  // of each process of the sample
  std::vector<std::optional<std::size_t>> container;  // of each process: its place in `containers`
  std::vector<ContainerUsage> containers;             // in the order of their first processes
};

// Of one sample: no rates.
[[nodiscard]] Usage usage_of(Sample sample);

// Of two. Where they are not of the same boot, or not in this order, as of the later one alone.
[[nodiscard]] Usage usage_of(const Sample& before, Sample after);

}  // namespace vigia
