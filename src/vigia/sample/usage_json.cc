#include "vigia/sample/usage_json.h"

#include "base/json.h"
#include "vigia/sample/field_json.h"
#include "vigia/sample/fields.h"

namespace vigia {
namespace {

using base::JsonObject;

constexpr int kSchema = 1;

void add_header(JsonObject& json, const Usage& usage) {
  const Sample& sample = usage.sample;
  json.add("schema", kSchema);
  add_fields(json, kUsageFields, usage);
  JsonObject host(json.key("host"));
  JsonObject cpu(host.key("cpu"));
  add_fields(cpu, kHostFields, usage);
  add_fields(cpu, kCpuFields, sample.cpu);
  cpu.close();
  std::string& out = host.key("cpus");
  append_array(out, sample.cpus.size(),
               [&](std::size_t i) { append_object(out, kCpuFields, sample.cpus[i]); });
  append_object(host.key("memory"), kMemoryFields, sample.memory);
  append_object(host.key("load"), kLoadFields, sample.load);
  host.close();
}

}  // namespace

std::string to_json(const Usage& usage, std::span<const std::size_t> processes) {
  std::string out;
  JsonObject json(out);
  add_header(json, usage);
  json.key("processes");
  append_array(out, processes.size(), [&](std::size_t i) {
    append_object(out, kProcessUsageFields, usage.process(processes[i]));
  });
  json.key("containers");
  append_array(out, usage.containers.size(), [&](std::size_t i) {
    append_object(out, kContainerUsageFields, usage.containers[i]);
  });
  json.close();
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
    add_line("process", [&](JsonObject& line) {
      add_fields(line, kProcessUsageFields, usage.process(place));
    });
  }
  for (const ContainerUsage& each : usage.containers) {
    add_line("container", [&](JsonObject& line) { add_fields(line, kContainerUsageFields, each); });
  }
  return out;
}

}  // namespace vigia
