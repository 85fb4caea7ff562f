#include "vigia/sources/proc_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace vigia {
namespace {

// Takes a text apart from its start.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

  // The text up to `separator`, or all that is left; the separator is passed over.
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

  // A number after blanks.
  template <class Number>
  bool take(Number& number) {
    skip_blanks();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  // Numbers that are of no interest.
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
  constexpr std::int64_t kMax = INT64_MAX / 1024;
  std::int64_t kilobytes = 0;
  if (!line.take(kilobytes) || kilobytes < 0 || kilobytes > kMax || !line.skip(" kB")) return false;
  bytes = kilobytes * 1024;
  return true;
}

// Numbers of one of the lines "cpu  1 2 3 …" and "cpu0 1 2 3 …".
bool take_cpu_times(Scanner& line, std::int64_t ticks_a_second, CpuTimes& times) {
  const std::int64_t tick_ns = 1'000'000'000 / ticks_a_second;
  for (std::int64_t* each : {&times.user_ns, &times.nice_ns, &times.system_ns, &times.idle_ns,
                             &times.iowait_ns, &times.irq_ns, &times.softirq_ns, &times.steal_ns}) {
    std::int64_t ticks = 0;
    if (!line.take(ticks) || ticks < 0 || ticks > INT64_MAX / tick_ns) return false;
    *each = ticks * tick_ns;
  }
  return true;
}

}  // namespace

std::optional<ProcStat> parse_proc_stat(std::string_view text) {
  // The name stands in brackets and may hold brackets and blanks; nothing after it does.
  const auto open = text.find(" (");
  const auto close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return std::nullopt;
  }
  ProcStat stat;
  Scanner before(text.substr(0, open));
  if (!before.take(stat.pid) || !before.is_at_end()) return std::nullopt;
  stat.name = text.substr(open + 2, close - open - 2);
  Scanner after(text.substr(close + 2));
  const std::string_view state = after.until(' ');
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();
  const bool is_good = after.take(stat.ppid) &&          // field 4
                       after.skip_numbers(9) &&          // 5 pgrp to 13 cmajflt
                       after.take(stat.user_ticks) &&    // 14
                       after.take(stat.system_ticks) &&  // 15
                       after.skip_numbers(4) &&          // 16 cutime to 19 nice
                       after.take(stat.threads) &&       // 20
                       after.skip_numbers(1) &&          // 21 itrealvalue
                       after.take(stat.start_ticks) &&   // 22
                       after.take(stat.vsz_bytes) &&     // 23
                       after.take(stat.rss_pages);       // 24
  if (!is_good) return std::nullopt;
  return stat;
}

std::optional<ProcStatus> parse_proc_status(std::string_view text) {
  ProcStatus status;
  bool has_uid = false;
  Scanner lines(text);
  while (!lines.is_at_end()) {
    Scanner line(lines.until('\n'));
    const std::string_view key = line.until(':');
    bool is_good = true;
    if (key == "Uid") {
      is_good = has_uid = line.take(status.uid);
    } else if (key == "RssAnon") {
      is_good = take_kilobytes(line, status.rss_anon_bytes);
    } else if (key == "RssFile") {
      is_good = take_kilobytes(line, status.rss_file_bytes);
    } else if (key == "RssShmem") {
      is_good = take_kilobytes(line, status.rss_shmem_bytes);
      if (is_good) break;  // the last of them
    }
    if (!is_good) return std::nullopt;
  }
  return has_uid ? std::optional(status) : std::nullopt;
}

std::string command_of(std::string_view text) {
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  std::string command(text);
  std::ranges::replace(command, '\0', ' ');
  return command;
}

std::optional<std::string_view> cgroup_of(std::string_view text) {
  // A line each: "7:cpu,cpuacct:/path", and "0::/path" of version 2. A path may hold colons.
  std::optional<std::string_view> unified;
  Scanner lines(text);
  while (!lines.is_at_end()) {
    Scanner line(lines.until('\n'));
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
  while (!lines.is_at_end()) {
    Scanner line(lines.until('\n'));
    if (!line.skip("cpu")) break;  // the others come first
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
  struct Line {
    std::string_view key;
    std::int64_t Memory::* bytes;
  };
  static constexpr std::array<Line, 8> kLines = {
      {{"MemTotal", &Memory::total_bytes},
       {"MemFree", &Memory::free_bytes},
       {"MemAvailable", &Memory::available_bytes},
       {"Buffers", &Memory::buffers_bytes},
       {"Cached", &Memory::cached_bytes},
       {"SwapTotal", &Memory::swap_total_bytes},
       {"SwapFree", &Memory::swap_free_bytes},
       {"SReclaimable", &Memory::slab_reclaimable_bytes}}};
  Memory memory;
  std::size_t found = 0;
  Scanner lines(text);
  while (!lines.is_at_end()) {
    Scanner line(lines.until('\n'));
    const auto wanted = std::ranges::find(kLines, line.until(':'), &Line::key);
    if (wanted == kLines.end()) continue;
    if (!take_kilobytes(line, memory.*(wanted->bytes))) return std::nullopt;
    ++found;
  }
  return found == kLines.size() ? std::optional(memory) : std::nullopt;
}

std::optional<Load> parse_load(std::string_view text) {
  Load load;
  Scanner line(text);
  const bool is_good = line.take(load.one) && line.take(load.five) && line.take(load.fifteen);
  return is_good ? std::optional(load) : std::nullopt;
}

}  // namespace vigia
