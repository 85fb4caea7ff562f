// What whoever runs a role asks it: GET /metrics, /healthz and /readyz.
//
// Threads: an Operations belongs to its loop; what it is given is shared by the loops.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/metrics.h"
#include "http/server.h"

namespace estadio {

class Operations final : public http::Service {
 public:
  // Why the role cannot do its work now; nothing when it can. From any thread.
  using Hindrance = std::function<std::optional<std::string>()>;

  // Both must outlive the server.
  Operations(const http::Metrics& metrics, const Hindrance& hindrance)
      : metrics_(metrics), hindrance_(hindrance) {}

  void install(http::Router& router, http::EventLoop& loop) override;

 private:
  const http::Metrics& metrics_;
  const Hindrance& hindrance_;
};

}  // namespace estadio
