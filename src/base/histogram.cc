#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace base {

std::uint64_t Histogram::upper_bound_of(std::size_t bucket) {
  static_assert(kBuckets == bucket_of(static_cast<std::uint64_t>(kLongest.count())) + 1);
  if (bucket < kSteps) return bucket;
  // The inverse of bucket_of(): above kSteps, each doubling has kSteps/2 buckets.
  const std::size_t shift = (bucket >> (kStepBits - 1)) - 1;
  const std::uint64_t step = bucket - (shift << (kStepBits - 1));
  return ((step + 1) << shift) - 1;
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
  min_ns_ = std::min(min_ns_, other.min_ns_);
}

void Histogram::clear() { *this = Histogram(); }

std::chrono::nanoseconds Histogram::quantile(double quantile) const {
  if (total_ == 0) return std::chrono::nanoseconds(0);
  const double exact = quantile * static_cast<double>(total_);
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(exact)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) {
      const auto bound = static_cast<std::int64_t>(upper_bound_of(i));
      // The last bucket also holds all longer values.
      if (i == kBuckets - 1) return max();
      return std::chrono::nanoseconds(std::min(bound, max_ns_));
    }
  }
  return max();
}

std::chrono::nanoseconds Histogram::mean() const {
  if (total_ == 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(sum_ns_ / static_cast<double>(total_)));
}

std::uint64_t Histogram::count_at_most(std::chrono::nanoseconds bound) const {
  if (bound >= kLongest) return total_;
  const std::size_t last =
      bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(0, bound.count())));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i <= last; ++i) seen += counts_[i];
  return seen;
}

}  // namespace base
