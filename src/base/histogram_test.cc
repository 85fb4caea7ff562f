// The histogram is compared with a sorted list of the same values. It keeps three significant
// digits from 1 us to 60 s for any distribution, and merging loses nothing.
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace base {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr double kPrecision = 0.001;
constexpr double kQuantiles[] = {0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};

Histogram histogram_of(const std::vector<nanoseconds>& values) {
  Histogram histogram;
  for (const nanoseconds value : values) histogram.record(value);
  return histogram;
}

// Returns the least value v such that at least a share of `quantile` of the values is at most v.
// REQUIRES: the values are sorted.
nanoseconds exact_quantile(const std::vector<nanoseconds>& sorted, double quantile) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

// Draws a value from 0 to 59 s. Every power of two is equally likely.
std::vector<nanoseconds> random_values(std::mt19937_64& random, std::size_t count) {
  std::uniform_real_distribution<double> exponent(0, std::log2(59e9));
  std::vector<nanoseconds> values(count);
  for (auto& value : values)
    value = nanoseconds(static_cast<std::int64_t>(std::exp2(exponent(random))));
  return values;
}

class HistogramPropertyTest : public testing::Test {
 protected:
  void SetUp() override {
    seed_ = std::random_device{}();
    random_.seed(seed_);
  }
  void TearDown() override {
    if (HasFailure()) std::printf("seed %u\n", seed_);
  }
  unsigned seed_ = 0;
  std::mt19937_64 random_;
};

TEST_F(HistogramPropertyTest, QuantilesMatchTheSortedValuesToThreeDigits) {
  for (int round = 0; round < 50; ++round) {
    std::vector<nanoseconds> values = random_values(random_, 1 + random_() % 3000);
    const Histogram histogram = histogram_of(values);
    std::ranges::sort(values);
    ASSERT_EQ(histogram.count(), values.size());
    ASSERT_EQ(histogram.max(), values.back());
    ASSERT_EQ(histogram.min(), values.front());
    nanoseconds last{};
    for (const double quantile : kQuantiles) {
      const nanoseconds exact = exact_quantile(values, quantile);
      const nanoseconds found = histogram.quantile(quantile);
      const auto slack = static_cast<double>(exact.count()) * kPrecision;
      ASSERT_GE(found, exact) << quantile;
      ASSERT_LE(static_cast<double>((found - exact).count()), slack)
          << quantile << " of " << exact.count();
      ASSERT_LE(found, histogram.max());
      ASSERT_GE(found, last);
      last = found;
    }
  }
}

TEST_F(HistogramPropertyTest, MergingEqualsRecordingAllInOne) {
  for (int round = 0; round < 20; ++round) {
    const auto first = random_values(random_, random_() % 500);
    const auto second = random_values(random_, random_() % 500);
    auto both = first;
    both.insert(both.end(), second.begin(), second.end());
    Histogram merged = histogram_of(first);
    merged.merge(histogram_of(second));
    const Histogram whole = histogram_of(both);
    ASSERT_EQ(merged.count(), whole.count());
    ASSERT_EQ(merged.max(), whole.max());
    ASSERT_EQ(merged.min(), whole.min());
    ASSERT_NEAR(merged.sum_seconds(), whole.sum_seconds(), 1e-9 * whole.sum_seconds());
    for (const double quantile : kQuantiles)
      ASSERT_EQ(merged.quantile(quantile), whole.quantile(quantile));
    for (const nanoseconds value : both)
      ASSERT_EQ(merged.count_at_most(value), whole.count_at_most(value));
  }
}

TEST_F(HistogramPropertyTest, CountAtMostMatchesTheSortedValuesToThreeDigits) {
  for (int round = 0; round < 20; ++round) {
    std::vector<nanoseconds> values = random_values(random_, 1000);
    const Histogram histogram = histogram_of(values);
    std::ranges::sort(values);
    std::uint64_t last = 0;
    for (const nanoseconds bound : values) {
      const std::uint64_t found = histogram.count_at_most(bound);
      const auto above = nanoseconds(static_cast<std::int64_t>(
          std::ceil(static_cast<double>(bound.count()) * (1 + kPrecision))));
      ASSERT_GE(found, static_cast<std::uint64_t>(std::ranges::upper_bound(values, bound) -
                                                  values.begin()));
      ASSERT_LE(found, static_cast<std::uint64_t>(std::ranges::upper_bound(values, above) -
                                                  values.begin()));
      ASSERT_GE(found, last);
      last = found;
    }
    ASSERT_EQ(histogram.count_at_most(histogram.max()), histogram.count());
  }
}

TEST_F(HistogramPropertyTest, MeanAndSumMatchTheValues) {
  const auto values = random_values(random_, 5000);
  const Histogram histogram = histogram_of(values);
  double sum = 0;
  for (const nanoseconds value : values) sum += static_cast<double>(value.count());
  EXPECT_NEAR(histogram.sum_seconds(), sum / 1e9, sum / 1e9 * 1e-9);
  EXPECT_NEAR(static_cast<double>(histogram.mean().count()), sum / 5000, sum / 5000 * 1e-6 + 1);
}

TEST(HistogramTest, AnEmptyHistogramIsAllZeros) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  for (const double quantile : kQuantiles) EXPECT_EQ(histogram.quantile(quantile), 0ns);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.mean(), 0ns);
  EXPECT_EQ(histogram.count_at_most(60s), 0U);
}

TEST(HistogramTest, ValuesUpTo2047NanosecondsAreExact) {
  Histogram histogram;
  for (int ns = 0; ns < 2048; ++ns) histogram.record(nanoseconds(ns));
  for (int ns = 0; ns < 2048; ++ns)
    ASSERT_EQ(histogram.count_at_most(nanoseconds(ns)), static_cast<std::uint64_t>(ns) + 1);
}

TEST(HistogramTest, ASingleValueIsEveryQuantileToTheNanosecond) {
  for (const nanoseconds value : std::initializer_list<nanoseconds>{
           0ns, 1ns, 2047ns, 2048ns, 4097ns, 123'456'789ns, 59'999'999'999ns, 60s}) {
    const Histogram histogram = histogram_of({value});
    for (const double quantile : kQuantiles) EXPECT_EQ(histogram.quantile(quantile), value);
  }
}

TEST(HistogramTest, EveryPowerOfTwoAndItsNeighboursKeepThreeDigits) {
  for (int power = 1; power < 36; ++power) {
    for (const std::int64_t off : {-1, 0, 1}) {
      const nanoseconds value((std::int64_t{1} << power) + off);
      const Histogram histogram = histogram_of({value, 59s});
      const nanoseconds found = histogram.quantile(0.5);
      EXPECT_GE(found, value);
      EXPECT_LE(static_cast<double>(found.count()),
                static_cast<double>(value.count()) * (1 + kPrecision));
    }
  }
}

TEST(HistogramTest, ADurationOverAMinuteIsCountedAndTheMaximumIsExact) {
  const Histogram histogram = histogram_of({1s, 10min});
  EXPECT_EQ(histogram.max(), 10min);
  EXPECT_EQ(histogram.quantile(1), 10min);
  EXPECT_EQ(histogram.count_at_most(59s), 1U);
  EXPECT_EQ(histogram.count_at_most(60s), 2U);
  EXPECT_NEAR(histogram.sum_seconds(), 601, 1e-6);
}

TEST(HistogramTest, NegativeDurationsCountAsZero) {
  const Histogram histogram = histogram_of({-5ns});
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.quantile(1), 0ns);
}

TEST(HistogramTest, RecordingWithACountRecordsThatOften) {
  Histogram at_once;
  at_once.record(5ms, 3);
  at_once.record(7ms);
  const Histogram one_by_one = histogram_of({5ms, 5ms, 5ms, 7ms});
  EXPECT_EQ(at_once.count(), 4U);
  EXPECT_EQ(at_once.quantile(0.75), one_by_one.quantile(0.75));
  EXPECT_EQ(at_once.mean(), one_by_one.mean());
}

TEST(HistogramTest, AClearedHistogramIsLikeNew) {
  Histogram histogram = histogram_of({5ms});
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0ns);
  histogram.record(3ms);
  EXPECT_EQ(histogram.min(), 3ms);
}

TEST(HistogramTest, MergingAnEmptyHistogramChangesNothing) {
  Histogram histogram = histogram_of({5ms});
  histogram.merge(Histogram());
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.min(), 5ms);
  Histogram empty;
  empty.merge(histogram);
  EXPECT_EQ(empty.min(), 5ms);
  EXPECT_EQ(empty.quantile(0.5), 5ms);
}

}  // namespace
}  // namespace base
