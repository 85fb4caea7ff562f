#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <utility>

namespace base {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

constexpr std::array<Unit, 8> kByteUnits = {{{"GiB", 1ULL << 30},
                                             {"MiB", 1ULL << 20},
                                             {"KiB", 1ULL << 10},
                                             {"GB", 1'000'000'000},
                                             {"MB", 1'000'000},
                                             {"kB", 1'000},
                                             {"B", 1},
                                             {"", 1}}};

constexpr std::array<Unit, 6> kTimeUnits = {{{"h", 3'600'000'000'000ULL},
                                             {"m", 60'000'000'000ULL},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};

constexpr double kCountMax = 9e18;  // fits into 64 bits

Result<std::chrono::nanoseconds> parse_any_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error == std::errc{} && number >= 0) {
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit.empty() && number == 0) return std::chrono::nanoseconds(0);
    for (const auto& [name, factor] : kTimeUnits) {
      const double ns = number * static_cast<double>(factor);
      if (unit == name && ns <= kCountMax) {
        return std::chrono::nanoseconds(std::llround(ns));
      }
    }
  }
  return fail(Code::kInvalidArgument,
              fmt::format("expected a duration such as 10s or 250ms, got '{}'", text));
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{}) {
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& [name, factor] : kByteUnits) {
      std::uint64_t bytes = 0;
      if (unit == name && !__builtin_mul_overflow(number, factor, &bytes)) return bytes;
    }
  }
  return fail(Code::kInvalidArgument, fmt::format("expected a size such as 64MiB, got '{}'", text));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text,
                                                std::chrono::nanoseconds least,
                                                std::chrono::nanoseconds most) {
  ASSIGN_OR_RETURN(const auto duration, parse_any_duration(text));
  if (duration >= least && duration <= most) return duration;
  return fail(Code::kInvalidArgument,
              fmt::format("expected a duration from {} to {}, got '{}'", format_duration(least),
                          format_duration(most), text));
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return fail(Code::kInvalidArgument,
                fmt::format("expected a whole number from {} to {}, got '{}'", least, most, text));
  }
  return number;
}

std::string format_bytes(std::uint64_t bytes) {
  for (const auto& [name, factor] : kByteUnits) {
    const bool binary = name.ends_with("iB");
    if (binary && bytes >= factor && bytes % factor == 0) {
      return fmt::format("{}{}", bytes / factor, name);
    }
  }
  return fmt::format("{}", bytes);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const auto ns = static_cast<std::uint64_t>(duration.count());
  if (ns == 0) return "0";
  for (const auto& [name, factor] : kTimeUnits) {
    if (ns % factor == 0) return fmt::format("{}{}", ns / factor, name);
  }
  return fmt::format("{}ns", ns);
}

std::string format_time(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     wall_ms % 1000);
}

}  // namespace base
