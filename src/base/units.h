// Sizes and durations as people write them: "64MiB", "250ms", "10m".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// A whole number with an optional unit: B, KiB, MiB, GiB (powers of 1024), kB, MB, GB (of 1000).
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

inline constexpr std::chrono::hours kDurationMax{1000};

// A number with a unit: ns, us, ms, s, m, h. "0" needs none. From `least` to `most`.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(
    std::string_view text, std::chrono::nanoseconds least = {},
    std::chrono::nanoseconds most = kDurationMax);

// A whole number from `least` to `most`, in decimal digits.
[[nodiscard]] Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least,
                                                 std::int64_t most);

// The largest unit that keeps the number whole: 67108864 gives "64MiB", 1500 ms gives "1500ms".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

// 2026-11-23T15:04:05.678Z (RFC 3339).
[[nodiscard]] std::string format_time(std::int64_t wall_ms);

}  // namespace base
