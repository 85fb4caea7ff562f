// Text of sizes and durations, as people write them: "64MiB", "250ms", "10m". Parsing fails with
// kInvalidArgument; the message names the expected form.
//
// Threads: functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// Parses a whole number with an optional unit: B, KiB, MiB, GiB (powers of 1024), kB, MB, GB
// (powers of 1000).
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

inline constexpr std::chrono::hours kDurationMax{1000};

// Parses a number, such as 1.5, with a unit: ns, us, ms, s, m, h. "0" needs none. The range from
// `least` to `most` is inclusive.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(
    std::string_view text, std::chrono::nanoseconds least = {},
    std::chrono::nanoseconds most = kDurationMax);

// Parses a whole decimal number from `least` to `most`.
[[nodiscard]] Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least,
                                                 std::int64_t most);

// Return a whole number with the largest unit: 67108864 gives "64MiB", 1500 ms gives "1500ms".
// format_bytes() uses only KiB, MiB and GiB, or no unit.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

// Returns 2026-11-23T15:04:05.678Z (RFC 3339). `wall_ms` counts from 1970.
[[nodiscard]] std::string format_time(std::int64_t wall_ms);

}  // namespace base
