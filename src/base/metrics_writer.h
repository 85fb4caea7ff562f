// Metrics in the Prometheus text format, version 0.0.4.
//
// A class with statistics has a function write_metrics() beside it, which names them. The names
// follow Prometheus' conventions: base units, `_total` for counters, `_seconds`, `_bytes`.
//
// Threads: a writer belongs to one thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/histogram.h"

namespace base {

class MetricsWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  MetricsWriter();
  ~MetricsWriter();

  // Each call adds one metric to the family of that name. The first call sets the family's help.
  // A bool is written as 1 or 0.
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void counter(std::string_view name, std::string_view help, Number value, Labels labels = {}) {
    add_counter(name, help, static_cast<double>(value), labels);
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void gauge(std::string_view name, std::string_view help, Number value, Labels labels = {}) {
    add_gauge(name, help, static_cast<double>(value), labels);
  }
  // Buckets from 100 us to 10 s, in seconds.
  void histogram(std::string_view name, std::string_view help, const Histogram& seconds,
                 Labels labels = {});

  [[nodiscard]] std::string text() const;

 private:
  struct Impl;

  void add_counter(std::string_view name, std::string_view help, double value, Labels labels);
  void add_gauge(std::string_view name, std::string_view help, double value, Labels labels);

  std::unique_ptr<Impl> impl_;
};

}  // namespace base
