#include "vigia/sample/view.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "vigia/sample/container.h"

namespace vigia {
namespace {

std::int64_t busy_ns(const CpuTimes& times) {
  return times.user_ns + times.nice_ns + times.system_ns + times.irq_ns + times.softirq_ns +
         times.steal_ns;
}

// What was used of so many processors within the interval.
CpuPercent percent(std::int64_t used_ns, std::int64_t interval_ns, std::size_t processors) {
  if (used_ns < 0 || interval_ns <= 0) return std::nullopt;
  const double share = static_cast<double>(used_ns) / static_cast<double>(interval_ns);
  // Counters go in steps, so that a short interval may seem to hold more than there was.
  return std::min(share, static_cast<double>(std::max<std::size_t>(1, processors))) * 100;
}

CpuPercent percent_of(const Process& now, const Sample& before, const View& view) {
  const auto was = std::ranges::lower_bound(before.processes, now.pid, {}, &Process::pid);
  const bool was_there =
      was != before.processes.end() && was->pid == now.pid && was->start_ns == now.start_ns;
  // All that a process used that began since.
  const bool is_new = !was_there && now.start_ns >= before.uptime_ns;
  if (!was_there && !is_new) return std::nullopt;
  const std::int64_t used_ns = now.cpu_ns() - (was_there ? was->cpu_ns() : 0);
  return percent(used_ns, view.interval_ns, view.sample.cpus.size());
}

void add_containers(View& view) {
  std::map<std::string_view, std::size_t> places;
  const auto& processes = view.sample.processes;
  view.container.resize(processes.size());
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const auto name = container_of(processes[i].cgroup);
    if (!name) continue;
    const auto [place, is_new] = places.try_emplace(name->id, view.containers.size());
    if (is_new) {
      view.containers.push_back(
          {.runtime = std::string(name->runtime), .id = std::string(name->id), .cpu_percent = {}});
    }
    view.container[i] = place->second;
    ContainerView& container = view.containers[place->second];
    ++container.processes;
    container.cpu_ns += processes[i].cpu_ns();
    container.rss_bytes += processes[i].rss_bytes();
    if (view.cpu_percent[i]) {
      container.cpu_percent = container.cpu_percent.value_or(0) + *view.cpu_percent[i];
    }
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
  view.busy_percent = percent(busy_ns(view.sample.cpu) - busy_ns(before.cpu), view.interval_ns,
                              view.sample.cpus.size());
  view.cpu_percent.reserve(view.sample.processes.size());
  for (const Process& each : view.sample.processes) {
    view.cpu_percent.push_back(percent_of(each, before, view));
  }
  add_containers(view);
  return view;
}

}  // namespace vigia
