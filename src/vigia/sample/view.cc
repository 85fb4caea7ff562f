#include "vigia/sample/view.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

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

// What was used of so many processors within the interval.
CpuPercent percent(double used_ns, std::int64_t interval_ns, std::size_t processors) {
  if (used_ns < 0 || interval_ns <= 0) return std::nullopt;
  // Counters go in steps, so that a short interval may seem to hold more than there was.
  return std::min(used_ns / static_cast<double>(interval_ns),
                  static_cast<double>(std::max<std::size_t>(1, processors))) *
         100;
}

// A process is read a moment after the one before it: its own moments count.
CpuPercent percent_of(const Process& now, const Sample& before, std::size_t processors) {
  const auto was = std::ranges::lower_bound(before.processes, now.pid, {}, &Process::pid);
  const bool was_there =
      was != before.processes.end() && was->pid == now.pid && was->start_ns == now.start_ns;
  if (was_there) {
    return percent(static_cast<double>(now.cpu_ns() - was->cpu_ns()), now.read_ns - was->read_ns,
                   processors);
  }
  // All that a process used that began since.
  if (now.start_ns < before.uptime_ns) return std::nullopt;
  return percent(static_cast<double>(now.cpu_ns()), now.read_ns - before.uptime_ns, processors);
}

// What is beyond all numbers stays at the last of them.
void add_to(std::int64_t& sum, std::int64_t number) {
  if (__builtin_add_overflow(sum, number, &sum)) sum = INT64_MAX;
}

void add_containers(View& view) {
  std::map<std::string_view, std::size_t> places;
  const auto& processes = view.sample.processes;
  const double most = 100 * static_cast<double>(std::max<std::size_t>(1, view.sample.cpus.size()));
  view.container.resize(processes.size());
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const auto name = container_of(processes[i].cgroup);
    if (!name) continue;
    const auto [place, is_new] = places.try_emplace(name->id, view.containers.size());
    if (is_new) {
      view.containers.push_back(
          {.runtime = std::string(name->runtime), .id = std::string(name->id), .cpu_percent = 0});
    }
    view.container[i] = place->second;
    ContainerView& container = view.containers[place->second];
    ++container.processes;
    add_to(container.cpu_ns, processes[i].cpu_ns());
    add_to(container.rss_bytes, processes[i].rss_bytes());
    const CpuPercent rate = view.cpu_percent[i];
    container.cpu_percent = container.cpu_percent && rate
                                ? std::optional(std::min(*container.cpu_percent + *rate, most))
                                : std::nullopt;
  }
}

}  // namespace

View view_of(Sample sample) {
  View view;
  view.sample = std::move(sample);
  view.cpu_percent.resize(view.sample.processes.size());
  add_containers(view);
  return view;
}

View view_of(const Sample& before, Sample after) {
  if (before.boot_id != after.boot_id || before.uptime_ns >= after.uptime_ns) {
    return view_of(std::move(after));
  }
  View view;
  view.sample = std::move(after);
  view.interval_ns = view.sample.uptime_ns - before.uptime_ns;
  const std::size_t processors = view.sample.cpus.size();
  view.busy_percent = percent(busy_ns(before.cpu, view.sample.cpu), view.interval_ns, processors);
  view.cpu_percent.reserve(view.sample.processes.size());
  for (const Process& each : view.sample.processes) {
    view.cpu_percent.push_back(percent_of(each, before, processors));
  }
  add_containers(view);
  return view;
}

}  // namespace vigia
