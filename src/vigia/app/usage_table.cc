#include "vigia/app/usage_table.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/utf8.h"

namespace vigia {
namespace {

constexpr std::size_t kNameWidth = 16;
constexpr std::size_t kCommandWidth = 80;
constexpr std::size_t kIdWidth = 12;  // as engines shorten it

std::string mib(std::int64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

std::string mib(Cgroup::Figure bytes) { return bytes ? mib(*bytes) : "-"; }

std::string percent(CpuPercent value) { return value ? fmt::format("{:.1f}", *value) : "-"; }

// Control characters, and those that turn the direction of a line or end it (Unicode Standard 15,
// categories Cc, Zl and Zp, and the bidirectional controls of UAX 9).
bool moves_the_cursor(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (character.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;  // U+0080 to U+009F
  if (character.size() != 3 || byte(0) != 0xe2) return false;
  const bool is_mark = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f);   // U+200E and F
  const bool is_break = byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae;    // U+2028 to E
  const bool is_isolate = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;  // U+2066 to 9
  return is_mark || is_break || is_isolate;
}

}  // namespace

std::string printable(std::string_view text, std::size_t width) {
  std::string shown;
  for (std::size_t count = 0; !text.empty() && count < width; ++count) {
    const std::string_view character = text.substr(0, base::utf8_length(text));
    if (character.empty() || moves_the_cursor(character)) {
      shown += '?';
    } else {
      shown += character;
    }
    text.remove_prefix(std::max<std::size_t>(1, character.size()));
  }
  return shown;
}

std::string to_table(const Usage& usage, std::span<const std::size_t> processes) {
  const Sample& sample = usage.sample;
  std::string out = fmt::format(
      "{} processes{}; processors {} % busy of {} %; memory {} MiB available of {}; load {:.2f} "
      "{:.2f} {:.2f}; from {}\n\n{:>8} {:>6} {:>7} {:>10} {:>10} {:<16} {:<12} {}\n",
      sample.processes.size(),
      sample.hidden > 0 ? fmt::format(", and {} that we may not look at", sample.hidden) : "",
      percent(usage.busy_percent), 100 * sample.cpus.size(), mib(sample.memory.available_bytes),
      mib(sample.memory.total_bytes), sample.load.one, sample.load.five, sample.load.fifteen,
      printable(sample.source, kNameWidth), "PID", "UID", "CPU %", "CPU s", "RSS MiB", "NAME",
      "CONTAINER", "COMMAND");
  for (const std::size_t place : processes) {
    const Process& process = sample.processes[place];
    const auto container = usage.container[place];
    out += fmt::format("{:>8} {:>6} {:>7} {:>10.2f} {:>10} {:<16} {:<12} {}\n", process.pid,
                       process.uid, percent(usage.cpu_percent[place]),
                       static_cast<double>(process.cpu_ns()) / 1e9, mib(process.rss_bytes()),
                       printable(process.name, kNameWidth),
                       container ? usage.containers[*container].id.substr(0, kIdWidth) : "",
                       printable(process.command, kCommandWidth));
  }
  if (usage.containers.empty()) return out;
  constexpr auto kLine =
      "{:<12} {:<10} {:>9} {:>7} {:>6} {:>10} {:>10} {:>10} {:>10} {:>10} {:>5}\n";
  out += '\n';
  out += fmt::format(kLine, "CONTAINER", "RUNTIME", "PROCESSES", "CPU %", "THR %", "CPU s",
                     "RSS MiB", "WORK MiB", "HELD MiB", "MAX MiB", "KILLS");
  for (const ContainerUsage& each : usage.containers) {
    const Cgroup& cgroup = each.cgroup;
    out += fmt::format(kLine, each.id.substr(0, kIdWidth), each.runtime, each.processes,
                       percent(each.cpu_percent), percent(each.throttled_percent),
                       fmt::format("{:.2f}", static_cast<double>(each.cpu_ns) / 1e9),
                       mib(each.rss_bytes), mib(cgroup.working_set_bytes),
                       mib(cgroup.unreclaimable_bytes), mib(cgroup.memory_max_bytes),
                       cgroup.oom_kills ? fmt::to_string(*cgroup.oom_kills) : "-");
  }
  return out;
}

}  // namespace vigia
