#include "vigia/sample/usage_json.h"

#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/units.h"
#include "vigia/sample/sample_json.h"

namespace vigia {
namespace {

using base::JsonObject;

constexpr int kSchema = 1;
constexpr int kPercentDigits = 3;

// `digits`: of a number with decimals.
template <class Value, class... Digits>
void add_or_null(JsonObject& object, std::string_view name, const std::optional<Value>& value,
                 Digits... digits) {
  if (value) {
    object.add(name, *value, digits...);
  } else {
    object.key(name) += "null";
  }
}

void add_header(JsonObject& object, const Usage& usage) {
  const Sample& sample = usage.sample;
  object.add("schema", kSchema);
  object.add("source", sample.source);
  object.add("kernel", sample.kernel);
  object.add("boot_id", sample.boot_id);
  object.add("taken_at", base::format_time(sample.wall_ms));
  object.add("uptime_ns", sample.uptime_ns);
  object.add("interval_ns", usage.interval_ns);
  object.add("hidden_processes", sample.hidden);

  JsonObject host(object.key("host"));
  JsonObject cpu(host.key("cpu"));
  add_or_null(cpu, "busy_percent", usage.busy_percent, kPercentDigits);
  add_cpu_times(cpu, sample.cpu);
  cpu.close();
  std::string& out = host.key("cpus");
  append_json_array(out, sample.cpus.size(), [&](std::size_t i) {
    JsonObject each(out);
    add_cpu_times(each, sample.cpus[i]);
    each.close();
  });
  JsonObject memory(host.key("memory"));
  add_memory(memory, sample.memory);
  memory.close();
  JsonObject load(host.key("load"));
  add_load(load, sample.load);
  load.close();
  host.close();
}

void add_process(JsonObject& object, const Usage& usage, std::size_t place) {
  const Process& process = usage.sample.processes[place];
  object.add("pid", process.pid);
  object.add("ppid", process.ppid);
  object.add("start_ns", process.start_ns);
  object.add("state", std::string_view(&process.state, 1));
  object.add("uid", process.uid);
  object.add("name", process.name);
  object.add("command", process.command);
  object.add("cgroup", process.cgroup);
  std::optional<std::string_view> container;
  if (const auto of = usage.container[place]) container = usage.containers[*of].id;
  add_or_null(object, "container", container);
  object.add("threads", process.threads);
  object.add("cpu_ns", process.cpu_ns());
  object.add("user_ns", process.user_ns);
  object.add("system_ns", process.system_ns);
  add_or_null(object, "cpu_percent", usage.cpu_percent[place], kPercentDigits);
  object.add("vsz_bytes", process.vsz_bytes);
  object.add("rss_bytes", process.rss_bytes());
  object.add("rss_anon_bytes", process.rss_anon_bytes);
  object.add("rss_file_bytes", process.rss_file_bytes);
  object.add("rss_shmem_bytes", process.rss_shmem_bytes);
  object.add("oom_score_adj", process.oom_score_adj);
}

void add_container(JsonObject& object, const ContainerUsage& container) {
  object.add("id", container.id);
  std::optional<std::string_view> runtime;
  if (!container.runtime.empty()) runtime = container.runtime;
  add_or_null(object, "runtime", runtime);
  object.add("cgroup", container.cgroup.path);
  object.add("processes", container.processes);
  object.add("cpu_ns", container.cpu_ns);
  const Cgroup& cgroup = container.cgroup;
  add_or_null(object, "user_ns", cgroup.user_ns);
  add_or_null(object, "system_ns", cgroup.system_ns);
  add_or_null(object, "cpu_percent", container.cpu_percent, kPercentDigits);
  add_or_null(object, "throttled_ns", cgroup.throttled_ns);
  add_or_null(object, "throttled_percent", container.throttled_percent, kPercentDigits);
  object.add("rss_bytes", container.rss_bytes);
  add_or_null(object, "memory_bytes", cgroup.memory_bytes);
  add_or_null(object, "working_set_bytes", cgroup.working_set_bytes);
  add_or_null(object, "unreclaimable_bytes", cgroup.unreclaimable_bytes);
  add_or_null(object, "peak_bytes", cgroup.peak_bytes);
  add_or_null(object, "memory_max_bytes", cgroup.memory_max_bytes);
  add_or_null(object, "ooms", cgroup.ooms);
  add_or_null(object, "oom_kills", cgroup.oom_kills);
  add_or_null(object, "pids", cgroup.pids);
  add_or_null(object, "pids_max", cgroup.pids_max);
  add_or_null(object, "io_read_bytes", cgroup.io_read_bytes);
  add_or_null(object, "io_written_bytes", cgroup.io_written_bytes);
}

}  // namespace

std::string to_json(const Usage& usage, std::span<const std::size_t> processes) {
  std::string out;
  JsonObject object(out);
  add_header(object, usage);
  object.key("processes");
  append_json_array(out, processes.size(), [&](std::size_t i) {
    JsonObject each(out);
    add_process(each, usage, processes[i]);
    each.close();
  });
  object.key("containers");
  append_json_array(out, usage.containers.size(), [&](std::size_t i) {
    JsonObject each(out);
    add_container(each, usage.containers[i]);
    each.close();
  });
  object.close();
  return out;
}

std::string to_ndjson(const Usage& usage, std::span<const std::size_t> processes) {
  std::string out;
  const auto add_line = [&](std::string_view kind, const auto& add) {
    JsonObject line(out);
    line.add("kind", kind);
    add(line);
    line.close();
    out += '\n';
  };
  add_line("host", [&](JsonObject& line) { add_header(line, usage); });
  for (const std::size_t place : processes) {
    add_line("process", [&](JsonObject& line) { add_process(line, usage, place); });
  }
  for (const ContainerUsage& each : usage.containers) {
    add_line("container", [&](JsonObject& line) { add_container(line, each); });
  }
  return out;
}

}  // namespace vigia
