// What whoever runs a role asks it: GET /metrics, /healthz and /readyz.
//
// Threads: an Operations belongs to its loop; what it is given is shared by the loops.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/app/http_options.h"
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

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  const http::Metrics& metrics_;
  const Hindrance& hindrance_;
};

// The server of a role that serves nothing else over HTTP. Threads: as of http::Server.
class OperationsServer {
 public:
  using Collector = std::function<void(http::MetricsWriter&)>;

  // Serves from here on; the options must outlive it. Errors: those of http::Server::open() and of
  // the certificate's files.
  [[nodiscard]] static base::Result<std::unique_ptr<OperationsServer>> open(
      const HttpOptions& options, Collector collect, Operations::Hindrance hindrance,
      const base::Clock& clock, base::Logger& log);

  // Ends when what came is answered, or after `patience`.
  void stop(std::chrono::nanoseconds patience) { server_->stop(patience); }

 private:
  OperationsServer() = default;

  std::unique_ptr<net::TlsContext> tls_;
  http::Metrics metrics_;
  Operations::Hindrance hindrance_;
  std::unique_ptr<http::Server> server_;  // last: ends before what it uses goes
};

}  // namespace estadio
