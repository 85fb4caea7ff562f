#include "base/metrics_writer.h"

#include <algorithm>
#include <array>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace base {
namespace {

constexpr std::array<double, 15> kBuckets = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

}  // namespace

struct MetricsWriter::Impl {
  std::vector<prometheus::MetricFamily> families;

  // A new metric of the family of that name.
  prometheus::ClientMetric& add(std::string_view name, std::string_view help,
                                prometheus::MetricType type, Labels labels) {
    auto family = std::ranges::find(families, name, &prometheus::MetricFamily::name);
    if (family == families.end()) {
      families.push_back({std::string(name), std::string(help), type, {}});
      family = std::prev(families.end());
    }
    prometheus::ClientMetric& metric = family->metric.emplace_back();
    for (const auto& [label, value] : labels) {
      metric.label.push_back({std::string(label), std::string(value)});
    }
    return metric;
  }
};

MetricsWriter::MetricsWriter() : impl_(std::make_unique<Impl>()) {}
MetricsWriter::~MetricsWriter() = default;

void MetricsWriter::add_counter(std::string_view name, std::string_view help, double value,
                                Labels labels) {
  impl_->add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void MetricsWriter::add_gauge(std::string_view name, std::string_view help, double value,
                              Labels labels) {
  impl_->add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void MetricsWriter::histogram(std::string_view name, std::string_view help,
                              const Histogram& seconds, Labels labels) {
  auto& histogram = impl_->add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  histogram.sample_count = seconds.count();
  histogram.sample_sum = seconds.sum_seconds();
  for (const double bound : kBuckets) {
    const auto limit = std::chrono::nanoseconds(static_cast<std::int64_t>(bound * 1e9));
    histogram.bucket.push_back({seconds.count_at_most(limit), bound});
  }
}

std::string MetricsWriter::text() const {
  return prometheus::TextSerializer().Serialize(impl_->families);
}

}  // namespace base
