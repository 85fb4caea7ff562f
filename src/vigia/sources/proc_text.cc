#include "vigia/sources/proc_text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>

namespace vigia {
namespace {

// A sum of four such sizes fits in 64 bits. So does a sum of four such times in nanoseconds, at 100
// ticks a second or more. The limit is 73 years.
constexpr std::int64_t kBytesMax = INT64_MAX / 4;
constexpr std::int64_t kTicksMax = INT64_MAX / 4 / 10'000'000;

// Reads a text from its start.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

  // A line with its end. Empty if there is none: a line without its end may be cut short.
  std::string_view line() {
    const auto end = rest_.find('\n');
    if (end == std::string_view::npos) return {};
    const std::string_view found = rest_.substr(0, end + 1);
    rest_.remove_prefix(end + 1);
    return found;
  }

  // The text before `separator`, or all that is left. Skips the separator.
  std::string_view until(char separator) {
    const auto end = std::min(rest_.find(separator), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return found;
  }

  bool skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }

  // A number after blanks. A number at the end of the text may be cut short, and is refused.
  template <class Number>
  bool take(Number& number) {
    skip_blanks();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{} || end == rest_.data() + rest_.size()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  // A number from 0 to `most`.
  template <class Number>
  bool take_count(Number& number, Number most) {
    return take(number) && number >= 0 && number <= most;
  }

  // Skips numbers.
  bool skip_numbers(int count) {
    for (int i = 0; i < count; ++i) {
      skip_blanks();
      const auto end = std::min(rest_.find(' '), rest_.size());
      if (end == 0) return false;
      rest_.remove_prefix(end);
    }
    return true;
  }

 private:
  std::string_view rest_;
};

// "  1234 kB".
bool take_kilobytes(Scanner& line, std::int64_t& bytes) {
  std::int64_t kilobytes = 0;
  if (!line.take_count(kilobytes, kBytesMax / 1024) || !line.skip(" kB\n")) return false;
  bytes = kilobytes * 1024;
  return true;
}

// The numbers of a line "cpu  1 2 3 …" or "cpu0 1 2 3 …". A time of more than 292 years becomes
// 292 years: the idle time of very many processors may get there.
bool take_cpu_times(Scanner& line, std::int64_t ticks_a_second, CpuTimes& times) {
  const std::int64_t tick_ns = 1'000'000'000 / ticks_a_second;
  for (std::int64_t* each : {&times.user_ns, &times.nice_ns, &times.system_ns, &times.idle_ns,
                             &times.iowait_ns, &times.irq_ns, &times.softirq_ns, &times.steal_ns}) {
    std::int64_t ticks = 0;
    if (!line.take_count(ticks, INT64_MAX)) return false;
    *each = std::min(ticks, INT64_MAX / tick_ns) * tick_ns;
  }
  return true;
}

}  // namespace

std::optional<ProcStat> parse_proc_stat(std::string_view text) {
  // The name is in brackets and may hold brackets and blanks. Nothing after it holds any.
  const auto open = text.find(" (");
  const auto close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return std::nullopt;
  }
  ProcStat stat;
  Scanner before(text.substr(0, open + 1));
  if (!before.take(stat.pid) || !before.skip(" ") || !before.is_at_end()) return std::nullopt;
  stat.name = text.substr(open + 2, close - open - 2);
  Scanner after(text.substr(close + 2));
  const std::string_view state = after.until(' ');
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();
  const bool is_good = after.take(stat.ppid) &&                           // field 4
                       after.skip_numbers(9) &&                           // 5 pgrp to 13 cmajflt
                       after.take_count(stat.user_ticks, kTicksMax) &&    // 14
                       after.take_count(stat.system_ticks, kTicksMax) &&  // 15
                       after.skip_numbers(4) &&                           // 16 cutime to 19 nice
                       after.take(stat.threads) &&                        // 20
                       after.skip_numbers(1) &&                           // 21 itrealvalue
                       after.take_count(stat.start_ticks, kTicksMax) &&   // 22
                       after.take_count(stat.vsz_bytes, INT64_MAX) &&     // 23
                       after.take(stat.rss_pages);                        // 24
  if (!is_good) return std::nullopt;
  return stat;
}

std::optional<ProcStatus> parse_proc_status(std::string_view text) {
  ProcStatus status;
  bool has_uid = false;
  int parts = 0;  // of the memory: all three, or none
  Scanner lines(text);
  for (auto text_of_line = lines.line(); !text_of_line.empty() && parts < 3;
       text_of_line = lines.line()) {
    Scanner line(text_of_line);
    const std::string_view key = line.until(':');
    std::int64_t* bytes = key == "RssAnon"    ? &status.rss_anon_bytes
                          : key == "RssFile"  ? &status.rss_file_bytes
                          : key == "RssShmem" ? &status.rss_shmem_bytes
                                              : nullptr;
    if (key == "Uid") {
      has_uid = line.take(status.uid);
      if (!has_uid) return std::nullopt;
    } else if (bytes != nullptr) {
      if (!take_kilobytes(line, *bytes)) return std::nullopt;
      ++parts;
    }
  }
  const bool is_whole = has_uid && (parts == 0 || parts == 3);
  return is_whole ? std::optional(status) : std::nullopt;
}

std::string command_of(std::string_view text) {
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  std::string command(text);
  std::ranges::replace(command, '\0', ' ');
  return command;
}

std::optional<std::string_view> cgroup_of(std::string_view text) {
  // A hierarchy a line: "7:cpu,cpuacct:/path"; in version 2 "0::/path". A path may hold colons.
  std::string_view unified;
  Scanner lines(text);
  while (!lines.is_at_end()) {
    Scanner line(lines.line());
    const std::string_view number = line.until(':');
    std::string_view controllers = line.until(':');
    const std::string_view path = line.until('\n');
    if (!path.starts_with('/')) return std::nullopt;
    if (number == "0" && controllers.empty()) unified = path;
    while (!controllers.empty()) {
      const auto comma = std::min(controllers.find(','), controllers.size());
      if (controllers.substr(0, comma) == "memory") return path;
      controllers.remove_prefix(std::min(comma + 1, controllers.size()));
    }
  }
  return unified;
}

std::optional<HostCpu> parse_host_cpu(std::string_view text, std::int64_t ticks_a_second) {
  HostCpu cpu;
  bool has_all = false;
  Scanner lines(text);
  for (auto text_of_line = lines.line(); text_of_line.starts_with("cpu");
       text_of_line = lines.line()) {
    Scanner line(text_of_line.substr(3));
    CpuTimes times;
    const std::string_view number = line.until(' ');
    if (!take_cpu_times(line, ticks_a_second, times)) return std::nullopt;
    if (number.empty()) {
      cpu.all = times;
      has_all = true;
    } else {
      cpu.each.push_back(times);
    }
  }
  return has_all ? std::optional(std::move(cpu)) : std::nullopt;
}

std::optional<Memory> parse_memory(std::string_view text) {
  Memory memory;
  struct Line {
    std::string_view key;
    std::int64_t* bytes;
  };
  const std::array<Line, 8> wanted = {{{"MemTotal", &memory.total_bytes},
                                       {"MemFree", &memory.free_bytes},
                                       {"MemAvailable", &memory.available_bytes},
                                       {"Buffers", &memory.buffers_bytes},
                                       {"Cached", &memory.cached_bytes},
                                       {"SwapTotal", &memory.swap_total_bytes.emplace()},
                                       {"SwapFree", &memory.swap_free_bytes},
                                       {"SReclaimable", &memory.slab_reclaimable_bytes}}};
  std::bitset<wanted.size()> found;
  Scanner lines(text);
  for (auto text_of_line = lines.line(); !text_of_line.empty(); text_of_line = lines.line()) {
    Scanner line(text_of_line);
    const auto each = std::ranges::find(wanted, line.until(':'), &Line::key);
    if (each == wanted.end()) continue;
    if (!take_kilobytes(line, *each->bytes)) return std::nullopt;
    found.set(static_cast<std::size_t>(each - wanted.begin()));
  }
  return found.all() ? std::optional(memory) : std::nullopt;
}

std::optional<Load> parse_load(std::string_view text) {
  Load load;
  Scanner line(text);
  const bool is_good = line.take(load.one) && line.take(load.five) && line.take(load.fifteen);
  return is_good ? std::optional(load) : std::nullopt;
}

}  // namespace vigia
