#include "vigia/app/view_table.h"

#include <fmt/format.h>

namespace vigia {
namespace {

constexpr std::size_t kNameWidth = 16;
constexpr std::size_t kCommandWidth = 80;
constexpr std::size_t kIdWidth = 12;  // as engines shorten it

std::string mib(std::int64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

std::string percent(CpuPercent value) { return value ? fmt::format("{:.1f}", *value) : "-"; }

// The length of the UTF-8 sequence at the start of `text`; 0 where there is none, or where it is a
// control character's.
std::size_t printable_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf5   ? 0
                             : first >= 0xf0 ? 4
                             : first >= 0xe0 ? 3
                             : first >= 0xc2 ? 2
                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // U+0080 to U+009F are control characters too.
  return first == 0xc2 && byte(1) < 0xa0 ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text, std::size_t width) {
  std::string shown;
  for (std::size_t count = 0; !text.empty() && count < width; ++count) {
    const std::size_t length = printable_length(text);
    if (length == 0) {
      shown += '?';
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return shown;
}

std::string to_table(const View& view, std::span<const std::size_t> processes) {
  const Sample& sample = view.sample;
  std::string out = fmt::format(
      "{} processes; processors {} % busy of {} %; memory {} MiB available of {}; load {:.2f} "
      "{:.2f} {:.2f}; from {}\n\n{:>8} {:>6} {:>7} {:>10} {:>10} {:<16} {:<12} {}\n",
      sample.processes.size(), percent(view.busy_percent), 100 * sample.cpus.size(),
      mib(sample.memory.available_bytes), mib(sample.memory.total_bytes), sample.load.one,
      sample.load.five, sample.load.fifteen, sample.source, "PID", "UID", "CPU %", "CPU s",
      "RSS MiB", "NAME", "CONTAINER", "COMMAND");
  for (const std::size_t place : processes) {
    const Process& process = sample.processes[place];
    const auto container = view.container[place];
    out += fmt::format("{:>8} {:>6} {:>7} {:>10.2f} {:>10} {:<16} {:<12} {}\n", process.pid,
                       process.uid, percent(view.cpu_percent[place]),
                       static_cast<double>(process.cpu_ns()) / 1e9, mib(process.rss_bytes()),
                       printable(process.name, kNameWidth),
                       container ? view.containers[*container].id.substr(0, kIdWidth) : "",
                       printable(process.command, kCommandWidth));
  }
  if (view.containers.empty()) return out;
  out += fmt::format("\n{:<12} {:<10} {:>9} {:>7} {:>10} {:>10}\n", "CONTAINER", "RUNTIME",
                     "PROCESSES", "CPU %", "CPU s", "RSS MiB");
  for (const ContainerView& each : view.containers) {
    out += fmt::format("{:<12} {:<10} {:>9} {:>7} {:>10.2f} {:>10}\n", each.id.substr(0, kIdWidth),
                       each.runtime, each.processes, percent(each.cpu_percent),
                       static_cast<double>(each.cpu_ns) / 1e9, mib(each.rss_bytes));
  }
  return out;
}

}  // namespace vigia
