// The routes for operators of a role: GET /metrics, /healthz and /readyz.
//
// Threads: an Operations belongs to its loop. Its arguments are shared by all loops.
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
  // Returns the unready reason; nothing when the role is ready. Called from any thread.
  using UnreadyReason = std::function<std::optional<std::string>()>;

  // Both must outlive the server.
  Operations(const http::Metrics& metrics, const UnreadyReason& unready_reason)
      : metrics_(metrics), unready_reason_(unready_reason) {}

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  const http::Metrics& metrics_;
  const UnreadyReason& unready_reason_;
};

// The HTTP server of a role that serves only these routes. Threads: as http::Server.
class OperationsServer {
 public:
  using Collector = std::function<void(http::MetricsWriter&)>;

  // Opens the server and serves. The server's threads call `collect` and `unready_reason`. `clock`
  // and `log` must outlive it. Errors: those of http::Server::open() and load_tls().
  [[nodiscard]] static base::Result<std::unique_ptr<OperationsServer>> open(
      const HttpOptions& options, Collector collect, Operations::UnreadyReason unready_reason,
      const base::Clock& clock, base::Logger& log);

  // Stops the server, as http::Server::stop().
  void stop(std::chrono::nanoseconds patience) { server_->stop(patience); }

 private:
  OperationsServer() = default;

  std::unique_ptr<net::TlsContext> tls_;
  http::Metrics metrics_;
  Operations::UnreadyReason unready_reason_;
  std::unique_ptr<http::Server> server_;  // last: ends before the other members go
};

}  // namespace estadio
