#include "vigia/sources/cgroup_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <span>
#include <utility>

namespace vigia {
namespace {

// Takes the text before `separator`, or all that is left. Skips the separator.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const std::string_view found = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return found;
}

// A number of digits alone.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// A sum or product that is too large becomes the largest number.
std::int64_t sum_of(std::initializer_list<std::int64_t> numbers) {
  std::int64_t sum = 0;
  for (const std::int64_t each : numbers) {
    if (__builtin_add_overflow(sum, each, &sum)) return INT64_MAX;
  }
  return sum;
}
std::int64_t times(std::int64_t number, std::int64_t factor) {
  return std::min(number, INT64_MAX / factor) * factor;
}

struct Wanted {
  std::string_view key;
  Cgroup::Figure figure = std::nullopt;
};

// Finds the wanted lines "key number". Returns false if a line is cut short, or a wanted one is
// malformed.
bool find_figures(std::string_view text, std::span<Wanted> wanted) {
  if (!text.ends_with('\n')) return false;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const auto found = std::ranges::find(wanted, take_until(line, ' '), &Wanted::key);
    if (found == wanted.end()) continue;
    found->figure = number_of<std::int64_t>(line);
    if (!found->figure) return false;
  }
  return true;
}

// The text of a file that holds one line.
std::optional<std::string_view> only_line(std::string_view text) {
  if (!text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  return text;
}

// Replaces the three octal digits, as in "\040", that stand for a blank or a backslash.
std::string unescaped(std::string_view text) {
  const auto is_octal = [](char each) { return each >= '0' && each <= '7'; };
  std::string plain;
  while (!text.empty()) {
    const std::string_view digits = text.substr(1, 3);
    if (text.front() == '\\' && digits.size() == 3 && digits[0] <= '3' &&
        std::ranges::all_of(digits, is_octal)) {
      plain += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + digits[2] - '0');
      text.remove_prefix(4);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

}  // namespace

std::optional<std::int64_t> parse_figure(std::string_view text) {
  const auto line = only_line(text);
  return line ? number_of<std::int64_t>(*line) : std::nullopt;
}

std::optional<CgroupLimit> parse_limit(std::string_view text) {
  // The largest number of whole pages, whatever their size. Kernels before 3.19 have the largest
  // number of all.
  constexpr std::uint64_t kNoLimit = INT64_MAX - (std::uint64_t{1} << 20);
  const auto line = only_line(text);
  if (!line) return std::nullopt;
  if (*line == "max") return CgroupLimit{};
  const auto number = number_of<std::uint64_t>(*line);
  if (!number) return std::nullopt;
  if (*number >= kNoLimit) return CgroupLimit{};
  return CgroupLimit{.most = static_cast<std::int64_t>(*number)};
}

std::optional<CgroupThrottling> parse_throttling(std::string_view text) {
  std::array<Wanted, 3> wanted = {
      {{.key = "nr_periods"}, {.key = "nr_throttled"}, {.key = "throttled_time"}}};
  const auto& [periods, throttled, time] = wanted;
  if (!find_figures(text, wanted)) return std::nullopt;
  if (!periods.figure || !throttled.figure || !time.figure) return std::nullopt;
  return CgroupThrottling{.periods = *periods.figure,
                          .throttled_periods = *throttled.figure,
                          .throttled_ns = *time.figure};
}

std::optional<CgroupCpu> parse_cgroup_cpu(std::string_view text) {
  std::array<Wanted, 6> wanted = {{{.key = "usage_usec"},
                                   {.key = "user_usec"},
                                   {.key = "system_usec"},
                                   {.key = "nr_periods"},
                                   {.key = "nr_throttled"},
                                   {.key = "throttled_usec"}}};
  const auto& [usage, user, system, periods, throttled, time] = wanted;
  if (!find_figures(text, wanted)) return std::nullopt;
  if (!usage.figure || !user.figure || !system.figure) return std::nullopt;
  CgroupCpu cpu = {.usage_ns = times(*usage.figure, 1000),
                   .user_ns = times(*user.figure, 1000),
                   .system_ns = times(*system.figure, 1000),
                   .throttling = std::nullopt};
  if (periods.figure && throttled.figure && time.figure) {
    cpu.throttling = {.periods = *periods.figure,
                      .throttled_periods = *throttled.figure,
                      .throttled_ns = times(*time.figure, 1000)};
  }
  return cpu;
}

std::optional<CgroupTimes> parse_cpuacct_stat(std::string_view text, std::int64_t ticks_a_second) {
  std::array<Wanted, 2> wanted = {{{.key = "user"}, {.key = "system"}}};
  const auto& [user, system] = wanted;
  if (!find_figures(text, wanted) || !user.figure || !system.figure) return std::nullopt;
  const std::int64_t tick_ns = 1'000'000'000 / ticks_a_second;
  return CgroupTimes{.user_ns = times(*user.figure, tick_ns),
                     .system_ns = times(*system.figure, tick_ns)};
}

std::optional<CgroupMemory> parse_cgroup_memory_v1(std::string_view text) {
  std::array<Wanted, 2> wanted = {{{.key = "total_rss"}, {.key = "total_inactive_file"}}};
  const auto& [anon, inactive_file] = wanted;
  if (!find_figures(text, wanted) || !anon.figure || !inactive_file.figure) return std::nullopt;
  return CgroupMemory{.anon_bytes = *anon.figure,
                      .inactive_file_bytes = *inactive_file.figure,
                      .kernel_bytes = std::nullopt,
                      .sock_bytes = std::nullopt};
}

std::optional<CgroupMemory> parse_cgroup_memory_v2(std::string_view text) {
  std::array<Wanted, 8> wanted = {{{.key = "anon"},
                                   {.key = "inactive_file"},
                                   {.key = "sock"},
                                   {.key = "kernel"},
                                   {.key = "kernel_stack"},
                                   {.key = "slab"},
                                   {.key = "pagetables"},
                                   {.key = "percpu"}}};
  const auto& [anon, inactive_file, sock, kernel, stacks, slab, page_tables, percpu] = wanted;
  if (!find_figures(text, wanted) || !anon.figure || !inactive_file.figure) return std::nullopt;
  Cgroup::Figure kernel_bytes = kernel.figure;
  // Kernels have page tables here since 5.11, and per-processor data since 5.9.
  if (!kernel_bytes && stacks.figure && slab.figure) {
    kernel_bytes = sum_of(
        {*stacks.figure, *slab.figure, page_tables.figure.value_or(0), percpu.figure.value_or(0)});
  }
  return CgroupMemory{.anon_bytes = *anon.figure,
                      .inactive_file_bytes = *inactive_file.figure,
                      .kernel_bytes = kernel_bytes,
                      .sock_bytes = sock.figure};
}

std::optional<CgroupOoms> parse_memory_events(std::string_view text) {
  std::array<Wanted, 2> wanted = {{{.key = "oom"}, {.key = "oom_kill"}}};
  const auto& [ooms, kills] = wanted;
  if (!find_figures(text, wanted) || !ooms.figure) return std::nullopt;
  return CgroupOoms{.ooms = ooms.figure, .oom_kills = kills.figure};
}

std::optional<CgroupOoms> parse_oom_control(std::string_view text) {
  std::array<Wanted, 2> wanted = {{{.key = "under_oom"}, {.key = "oom_kill"}}};
  const auto& [is_under, kills] = wanted;
  if (!find_figures(text, wanted) || !is_under.figure) return std::nullopt;
  return CgroupOoms{.ooms = std::nullopt, .oom_kills = kills.figure};
}

std::optional<CgroupIo> parse_io_stat(std::string_view text) {
  // A device a line, "8:0 rbytes=1 wbytes=2 rios=…". For a device without reads and writes, some
  // kernels write only "8:0 ", without an end of the line.
  CgroupIo io;
  while (!text.empty()) {
    const bool is_whole = text.find('\n') != std::string_view::npos;
    std::string_view line = take_until(text, '\n');
    if (line.find(':') == std::string_view::npos) return std::nullopt;
    while (!line.empty()) {
      std::string_view value = take_until(line, ' ');
      if (!is_whole && value.find(':') == std::string_view::npos) return std::nullopt;
      const std::string_view key = take_until(value, '=');
      std::int64_t* sum = key == "rbytes"   ? &io.read_bytes
                          : key == "wbytes" ? &io.written_bytes
                                            : nullptr;
      if (sum == nullptr) continue;
      const auto bytes = number_of<std::int64_t>(value);
      if (!bytes) return std::nullopt;
      *sum = sum_of({*sum, *bytes});
    }
  }
  return io;
}

std::optional<CgroupIo> parse_blkio(std::string_view text) {
  // For each device "8:0 Read 1", "8:0 Write 2" and more; then "Total 3".
  CgroupIo io;
  bool has_total = false;
  if (!text.ends_with('\n')) return std::nullopt;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view device = take_until(line, ' ');
    has_total |= device == "Total";
    const std::string_view key = take_until(line, ' ');
    std::int64_t* sum = key == "Read"    ? &io.read_bytes
                        : key == "Write" ? &io.written_bytes
                                         : nullptr;
    if (sum == nullptr) continue;
    const auto bytes = number_of<std::int64_t>(line);
    if (!bytes) return std::nullopt;
    *sum = sum_of({*sum, *bytes});
  }
  return has_total ? std::optional(io) : std::nullopt;
}

std::optional<std::vector<CgroupMount>> parse_cgroup_mounts(std::string_view text) {
  // "32 31 0:29 ROOT POINT rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct". The number of
  // fields before the dash varies.
  std::vector<CgroupMount> mounts;
  if (!text.ends_with('\n')) return std::nullopt;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    constexpr std::string_view kDash = " - ";
    const auto dash = line.find(kDash);
    if (dash == std::string_view::npos) return std::nullopt;
    std::string_view kind = line.substr(dash + kDash.size());
    for (int i = 0; i < 3; ++i) take_until(line, ' ');
    const std::string_view root = take_until(line, ' ');
    const std::string_view point = take_until(line, ' ');
    const std::string_view type = take_until(kind, ' ');
    if (type != "cgroup" && type != "cgroup2") continue;
    if (!root.starts_with('/') || !point.starts_with('/')) return std::nullopt;
    take_until(kind, ' ');  // the name of what is mounted: any word
    std::string_view options = take_until(kind, ' ');
    CgroupMount mount = {.point = unescaped(point),
                         .root = unescaped(root),
                         .is_v2 = type == "cgroup2",
                         .options = {}};
    while (!mount.is_v2 && !options.empty()) mount.options.emplace_back(take_until(options, ','));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::optional<std::string> below_mount(std::string_view root, std::string_view path) {
  while (root.ends_with('/')) root.remove_suffix(1);
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  std::string below;
  while (!path.empty()) {
    const std::string_view name = take_until(path, '/');
    if (name.empty() || name == ".") continue;
    if (name == ".." || name.find('\0') != std::string_view::npos) return std::nullopt;
    if (!below.empty()) below += '/';
    below += name;
  }
  return below.empty() ? "." : below;
}

}  // namespace vigia
