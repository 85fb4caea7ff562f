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
  // Returns why the role is not ready; nothing when it is ready. Called from any thread.
  using UnreadyReason = std::function<std::optional<std::string>()>;

  // Both must outlive the server.
  Operations(const http::Metrics& metrics, const UnreadyReason& unready_reason)
      : metrics_(metrics), unready_reason_(unready_reason) {}

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  const http::Metrics& metrics_;
  const UnreadyReason& unready_reason_;
};

// The server of a role that serves nothing else over HTTP. Threads: as of http::Server.
class OperationsServer {
 public:
  using Collector = std::function<void(http::MetricsWriter&)>;

  // Serves from here on; the options must outlive it. Errors: those of http::Server::open() and of
  // the certificate's files.
  [[nodiscard]] static base::Result<std::unique_ptr<OperationsServer>> open(
      const HttpOptions& options, Collector collect, Operations::UnreadyReason unready_reason,
      const base::Clock& clock, base::Logger& log);

  // Ends when what came is answered, or after `patience`.
  void stop(std::chrono::nanoseconds patience) { server_->stop(patience); }

 private:
  OperationsServer() = default;

  std::unique_ptr<net::TlsContext> tls_;
  http::Metrics metrics_;
  Operations::UnreadyReason unready_reason_;
  std::unique_ptr<http::Server> server_;  // last: ends before what it uses goes
};

}  // namespace estadio
