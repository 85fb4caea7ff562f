// Sizes, durations and times as people write them: accepted and refused texts, errors that name the
// expected form, and the round trip.
#include "base/units.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace base {
namespace {

using namespace std::chrono_literals;

TEST(ParseBytesTest, TakesUnitsOf1024AndOf1000) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, std::uint64_t>>{{"0", 0},
                                                          {"512", 512},
                                                          {"512B", 512},
                                                          {"1KiB", 1024},
                                                          {"64MiB", 64ULL << 20},
                                                          {"2GiB", 2ULL << 30},
                                                          {"1kB", 1000},
                                                          {"5MB", 5'000'000},
                                                          {"3GB", 3'000'000'000},
                                                          {"18446744073709551615", UINT64_MAX}}) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ParseBytesTest, RefusesOtherTextWithAnExample) {
  for (const std::string text :
       {"", "MiB", "-1", "+1", "1.5MiB", "1 MiB", " 1", "1 ", "1mib", "1TiB", "1KB", "0x10", "1e3",
        "18446744073709551616", "18446744073709551615KiB", "17179869184GiB"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(parsed.error().message(), "expected a size such as 64MiB, got '" + text + "'");
  }
}

TEST(ParseDurationTest, TakesAnyUnitAndFractions) {
  for (const auto& [text, duration] :
       std::vector<std::pair<std::string, std::chrono::nanoseconds>>{{"0", 0ns},
                                                                     {"0s", 0ns},
                                                                     {"7ns", 7ns},
                                                                     {"250us", 250us},
                                                                     {"250ms", 250ms},
                                                                     {"10s", 10s},
                                                                     {"10m", 10min},
                                                                     {"2h", 2h},
                                                                     {"1.5s", 1500ms},
                                                                     {"0.25ms", 250us},
                                                                     {"1000h", 1000h}}) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, duration) << text;
  }
}

TEST(ParseDurationTest, RefusesOtherTextWithAnExample) {
  for (const std::string text : {"", "s", "10", "-1s", "1 s", " 1s", "1s ", "1d", "1S", "1e3s",
                                 "nans", "infs", "inf", "nan", "1e999s", "0x1s", "1s2"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message(),
              "expected a duration such as 10s or 250ms, got '" + text + "'");
  }
}

TEST(ParseDurationTest, RefusesADurationOutOfBoundsAndNamesTheBounds) {
  EXPECT_EQ(parse_duration("1001h").error().message(),
            "expected a duration from 0 to 1000h, got '1001h'");
  EXPECT_EQ(parse_duration("100ms", 100ms, 10s).value(), 100ms);
  EXPECT_EQ(parse_duration("10s", 100ms, 10s).value(), 10s);
  for (const std::string text : {"0", "99ms", "10001ms", "1h"}) {
    const auto parsed = parse_duration(text, 100ms, 10s);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message(),
              "expected a duration from 100ms to 10s, got '" + text + "'");
  }
}

TEST(ParseDurationTest, DecimalFractionsAreNotCutShort) {
  for (std::int64_t ms = 0; ms < 20'000; ++ms) {
    const std::string text = fmt::format("{}.{:03}s", ms / 1000, ms % 1000);
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(*parsed, std::chrono::milliseconds(ms)) << text;
  }
}

TEST(ParseIntegerTest, TakesANumberWithinTheBoundsAndNamesThemOtherwise) {
  EXPECT_EQ(parse_integer("-5", -5, 5).value(), -5);
  EXPECT_EQ(parse_integer("5", -5, 5).value(), 5);
  EXPECT_EQ(parse_integer("9223372036854775807", INT64_MIN, INT64_MAX).value(), INT64_MAX);
  for (const std::string text :
       {"", "6", "-6", "+1", "1.0", " 1", "1 ", "0x1", "1e0", "99999999999999999999"}) {
    const auto parsed = parse_integer(text, -5, 5);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message(), "expected a whole number from -5 to 5, got '" + text + "'");
  }
}

TEST(FormatTest, UsesTheLargestUnitThatKeepsTheNumberWhole) {
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(1023), "1023");
  EXPECT_EQ(format_bytes(1024), "1KiB");
  EXPECT_EQ(format_bytes(64ULL << 20), "64MiB");
  EXPECT_EQ(format_bytes((1ULL << 30) + 1024), "1048577KiB");
  EXPECT_EQ(format_duration(0ns), "0");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(10min), "10m");
  EXPECT_EQ(format_duration(24h), "24h");
  EXPECT_EQ(format_duration(1ns), "1ns");
}

TEST(FormatTest, FormattedTextIsParsedToTheSameValue) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::int64_t kLongest = std::chrono::nanoseconds(1000h).count();
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bytes = random() >> random() % 64 << random() % 32;
    ASSERT_EQ(parse_bytes(format_bytes(bytes)).value(), bytes);
    const std::chrono::nanoseconds duration(static_cast<std::int64_t>(random() >> random() % 64) &
                                            INT64_MAX);
    const std::chrono::nanoseconds bounded(duration.count() % kLongest);
    ASSERT_EQ(parse_duration(format_duration(bounded)).value(), bounded);
  }
}

TEST(FormatTest, TimesAreRfc3339InUtc) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'795'446'245'678), "2026-11-23T15:04:05.678Z");
  EXPECT_EQ(format_time(951'782'400'001), "2000-02-29T00:00:00.001Z");
}

}  // namespace
}  // namespace base
