// How a role listens for HTTP: the settings that all roles that serve it share.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/settings.h"
#include "base/units.h"
#include "http/server.h"
#include "net/address.h"
#include "net/tls.h"

namespace estadio {

struct HttpOptions {
  net::Address address = {.host = "127.0.0.1", .port = 8080, .unix_path = {}};
  std::string tls_certificate;
  std::string tls_key;
  std::int64_t threads = 0;  // 0: half of the processors
  std::int64_t max_connections = 10'000;
  base::Bytes max_body{std::uint64_t{4} << 20};
  base::Bytes max_buffered_requests{std::uint64_t{64} << 20};
  std::chrono::nanoseconds receive_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(75);
  std::chrono::nanoseconds coalesce_for = std::chrono::microseconds(800);

  void add_to(base::Settings& settings);
  // What the settings must fulfil together, and that the certificate and its key can be used.
  [[nodiscard]] base::Result<void> check() const;
  // Nothing when HTTP is served without TLS. Errors: the files cannot be read or do not belong
  // together.
  [[nodiscard]] base::Result<std::unique_ptr<net::TlsContext>> load_tls() const;
  // Lets the process have as many files open as the connections need, with some to spare for the
  // rest; lowers max_connections, and says so, where the system's limit is in the way.
  [[nodiscard]] base::Result<void> fit_to_open_files(base::Logger& log);
  // `tls` may be null, and must outlive the server.
  [[nodiscard]] http::Server::Options to_server(const net::TlsContext* tls) const;
};

// Says where the server listens, and warns when that is beyond this machine without TLS.
void log_serving(const http::Server& server, const HttpOptions& options, base::Logger& log);

}  // namespace estadio
