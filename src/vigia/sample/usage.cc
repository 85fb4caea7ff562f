#include "vigia/sample/usage.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "vigia/sample/container.h"

namespace vigia {
namespace {

double busy_ns(const CpuTimes& before, const CpuTimes& after) {
  double busy = 0;
  for (const auto field : {&CpuTimes::user_ns, &CpuTimes::nice_ns, &CpuTimes::system_ns,
                           &CpuTimes::irq_ns, &CpuTimes::softirq_ns, &CpuTimes::steal_ns}) {
    busy += static_cast<double>(after.*field - before.*field);
  }
  return busy;
}

// The percentage of one processor that was used within an interval.
CpuPercent percent(double used_ns, std::int64_t interval_ns, std::size_t processors) {
  if (used_ns < 0 || interval_ns <= 0) return std::nullopt;
  // Counters grow in steps: a short interval may seem to hold more time than there was.
  return std::min(used_ns / static_cast<double>(interval_ns),
                  static_cast<double>(std::max<std::size_t>(1, processors))) *
         100;
}

// The interval lies between the two moments at which this process was read.
CpuPercent percent_of(const Process& now, const Sample& before, std::size_t processors) {
  const auto was = std::ranges::lower_bound(before.processes, now.pid, {}, &Process::pid);
  const bool was_there =
      was != before.processes.end() && was->pid == now.pid && was->start_ns == now.start_ns;
  if (was_there) {
    return percent(static_cast<double>(now.cpu_ns() - was->cpu_ns()), now.read_ns - was->read_ns,
                   processors);
  }
  // A process that began within the interval counts with its whole usage.
  if (now.start_ns < before.uptime_ns) return std::nullopt;
  return percent(static_cast<double>(now.cpu_ns()), now.read_ns - before.uptime_ns, processors);
}

// Adds; a sum that is too large becomes the largest number.
void add_to(std::int64_t& sum, std::int64_t number) {
  if (__builtin_add_overflow(sum, number, &sum)) sum = INT64_MAX;
}

const Cgroup* find(const Sample& sample, std::string_view path) {
  const auto found = std::ranges::lower_bound(sample.cgroups, path, {}, &Cgroup::path);
  return found != sample.cgroups.end() && found->path == path ? &*found : nullptr;
}

// The share of the group's periods in which it had to wait, as a percentage.
CpuPercent throttled_percent(const Cgroup& was, const Cgroup& now) {
  if (!was.periods || !now.periods || !was.throttled_periods || !now.throttled_periods) {
    return std::nullopt;
  }
  const std::int64_t periods = *now.periods - *was.periods;
  const std::int64_t throttled = *now.throttled_periods - *was.throttled_periods;
  if (periods < 0 || throttled < 0) return std::nullopt;
  if (periods == 0) return 0;
  return std::min(1.0, static_cast<double>(throttled) / static_cast<double>(periods)) * 100;
}

// Replaces a container's sums by the figures of its control group.
void add_cgroup(ContainerUsage& container, const Usage& usage, const Sample* before) {
  const Cgroup* now = find(usage.sample, container.cgroup.path);
  if (now == nullptr) return;
  container.cgroup = *now;
  if (now->cpu_ns) container.cpu_ns = *now->cpu_ns;
  const Cgroup* was = before == nullptr ? nullptr : find(*before, now->path);
  if (was == nullptr) return;
  container.throttled_percent = throttled_percent(*was, *now);
  if (now->cpu_ns && was->cpu_ns) {
    container.cpu_percent = percent(static_cast<double>(*now->cpu_ns - *was->cpu_ns),
                                    now->read_ns - was->read_ns, usage.sample.cpus.size());
  }
}

// `before` is the earlier sample, or null with one sample.
void add_containers(Usage& usage, const Sample* before) {
  std::map<std::string_view, std::size_t> places;
  const auto& processes = usage.sample.processes;
  const double most = 100 * static_cast<double>(std::max<std::size_t>(1, usage.sample.cpus.size()));
  usage.container.resize(processes.size());
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const auto name = container_of(processes[i].cgroup);
    if (!name) continue;
    const auto [place, is_new] = places.try_emplace(name->id, usage.containers.size());
    if (is_new) {
      ContainerUsage container;
      if (!name->runtime.empty()) container.runtime = name->runtime;
      container.id = name->id;
      container.cpu_percent = 0;
      container.cgroup.path = name->path;
      usage.containers.push_back(std::move(container));
    }
    usage.container[i] = place->second;
    ContainerUsage& container = usage.containers[place->second];
    ++container.processes;
    add_to(container.cpu_ns, processes[i].cpu_ns());
    add_to(container.rss_bytes, processes[i].rss_bytes());
    const CpuPercent rate = usage.cpu_percent[i];
    container.cpu_percent = container.cpu_percent && rate
                                ? std::optional(std::min(*container.cpu_percent + *rate, most))
                                : std::nullopt;
  }
  for (ContainerUsage& each : usage.containers) add_cgroup(each, usage, before);
}

}  // namespace

std::string Usage::taken_at() const { return base::format_time(sample.wall_ms); }

ProcessUsage Usage::process(std::size_t place) const {
  const auto at = container[place];
  return {.process = &sample.processes[place],
          .cpu_percent = cpu_percent[place],
          .container = at ? &containers[*at] : nullptr};
}

Usage usage_of(Sample sample) {
  Usage usage;
  usage.sample = std::move(sample);
  usage.cpu_percent.resize(usage.sample.processes.size());
  add_containers(usage, nullptr);
  return usage;
}

Usage usage_of(const Sample& before, Sample after) {
  if (before.boot_id != after.boot_id || before.uptime_ns >= after.uptime_ns) {
    return usage_of(std::move(after));
  }
  Usage usage;
  usage.sample = std::move(after);
  usage.interval_ns = usage.sample.uptime_ns - before.uptime_ns;
  const std::size_t processors = usage.sample.cpus.size();
  usage.busy_percent =
      percent(busy_ns(before.cpu, usage.sample.cpu), usage.interval_ns, processors);
  usage.cpu_percent.reserve(usage.sample.processes.size());
  for (const Process& each : usage.sample.processes) {
    usage.cpu_percent.push_back(percent_of(each, before, processors));
  }
  add_containers(usage, &before);
  return usage;
}

}  // namespace vigia
