// GET /metrics in the Prometheus text format. Collectors compute the figures for each request.
//
// Names follow Prometheus' conventions: base units, `_total` for counters, `_seconds`, `_bytes`.
//
// Threads: add() is called before the server starts. After that any loop may call collect(), so the
// collectors must be safe in any thread. A MetricsWriter belongs to one thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "http/router.h"

namespace http {

// Gathers the figures of all collectors.
class MetricsWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  MetricsWriter();
  ~MetricsWriter();

  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  // Buckets from 100 us to 10 s, in seconds.
  void histogram(std::string_view name, std::string_view help, const base::Histogram& seconds,
                 Labels labels = {});

  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Metrics {
 public:
  using Collector = std::function<void(MetricsWriter&)>;

  void add(Collector collector) { collectors_.push_back(std::move(collector)); }
  [[nodiscard]] std::string collect() const;
  void add_to(Router& router) const;

 private:
  std::vector<Collector> collectors_;
};

}  // namespace http
