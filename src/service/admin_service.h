// The routes for operators of a role: GET /metrics, /healthz and /readyz.
//
// Threads: an AdminService belongs to its loop. The loops share its callbacks.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/metrics_writer.h"
#include "http/router.h"
#include "http/server.h"

namespace service {

class AdminService final : public http::Service {
 public:
  // REQUIRES: both functions may be called from any thread.
  struct Callbacks {
    // Returns nothing when the role is ready.
    std::function<std::optional<std::string>()> unready_reason;
    std::function<void(base::MetricsWriter&)> write_metrics;
  };

  // `callbacks` must outlive the server.
  explicit AdminService(const Callbacks& callbacks) : callbacks_(callbacks) {}

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  const Callbacks& callbacks_;
};

}  // namespace service
