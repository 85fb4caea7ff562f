// A histogram of durations with three significant digits, as HdrHistogram. The width of the buckets
// doubles when the value does. So the error stays under 0.1 % from 1 us to 60 s, in about 220 KB.
//
//   value in ns:  0 ....... 2047 | 2048 ... 4095 | 4096 ... 8191 | ...
//   bucket width:       1        |       2       |       4       | ...
//
// Threads: belongs to one thread. Give each thread its own and merge them.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <vector>

namespace base {

class Histogram {
 public:
  // Longer durations are counted in the bucket of this one. max() and the sum stay exact.
  static constexpr std::chrono::nanoseconds kLongest = std::chrono::seconds(60);

  Histogram() : counts_(kBuckets) {}

  void record(std::chrono::nanoseconds duration, std::uint64_t times = 1) {
    const std::int64_t ns = duration.count() < 0 ? 0 : duration.count();
    counts_[bucket_of(static_cast<std::uint64_t>(ns < kLongest.count() ? ns : kLongest.count()))] +=
        times;
    total_ += times;
    sum_ns_ += static_cast<double>(ns) * static_cast<double>(times);
    if (ns > max_ns_) max_ns_ = ns;
    if (ns < min_ns_) min_ns_ = ns;
  }

  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return total_; }
  // Returns the smallest duration that a share of `quantile` (0 to 1) of the values does not
  // exceed, to three digits. Never exceeds max(). Returns 0 when the histogram is empty.
  [[nodiscard]] std::chrono::nanoseconds quantile(double quantile) const;
  [[nodiscard]] std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_ns_); }
  [[nodiscard]] std::chrono::nanoseconds min() const {
    return std::chrono::nanoseconds(total_ == 0 ? 0 : min_ns_);
  }
  [[nodiscard]] std::chrono::nanoseconds mean() const;

  // Returns the number of values that do not exceed `bound`, to the histogram's precision.
  [[nodiscard]] std::uint64_t count_at_most(std::chrono::nanoseconds bound) const;
  [[nodiscard]] double sum_seconds() const { return sum_ns_ / 1e9; }

 private:
  // Values from 0 to 2047 have a bucket each. Above, each doubling has 1024 buckets, so a bucket is
  // at most 1/1024 of its values wide.
  static constexpr std::size_t kStepBits = 11;
  static constexpr std::uint64_t kSteps = 1ULL << kStepBits;

  static constexpr std::size_t bucket_of(std::uint64_t ns) {
    if (ns < kSteps) return ns;
    const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - kStepBits;
    return (shift << (kStepBits - 1)) + (ns >> shift);
  }
  static std::uint64_t upper_bound_of(std::size_t bucket);

  // bucket_of(kLongest) + 1, checked in histogram.cc.
  static constexpr std::size_t kBuckets = 27'389;

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  double sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
  std::int64_t min_ns_ = INT64_MAX;
};

}  // namespace base
