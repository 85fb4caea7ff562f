// The settings of a role's HTTP server.
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

namespace service {

struct HttpOptions {
  net::Address address = {.host = "127.0.0.1", .port = 8080, .unix_path = {}};
  // Hosts that requests may name, separated by commas. hosts() has the others.
  std::string allowed_hosts;
  std::string tls_certificate;
  std::string tls_key;
  std::int64_t threads = 0;  // 0: half of the processors
  std::int64_t max_connections = 10'000;
  base::Bytes max_body{std::uint64_t{4} << 20};
  base::Bytes max_buffered_requests{std::uint64_t{64} << 20};
  base::Bytes max_buffered_answers{std::uint64_t{64} << 20};
  std::chrono::nanoseconds receive_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(75);
  std::chrono::nanoseconds coalesce_for = std::chrono::microseconds(800);

  void add_to(base::Settings& settings);
  // Checks the settings against each other, and the certificate and its key.
  [[nodiscard]] base::Result<void> check() const;
  // Returns the hosts that requests may name. On the loopback address these are its names, the
  // address's own host and allowed_hosts. Elsewhere any host is allowed while allowed_hosts is
  // empty. So it is on a Unix socket, since a web page cannot make its name lead there.
  // Errors: kInvalidArgument.
  [[nodiscard]] base::Result<http::AllowedHosts> hosts() const;
  // Returns null without TLS. Errors: kInvalidArgument when the files cannot be read or do not
  // belong together.
  [[nodiscard]] base::Result<std::unique_ptr<net::TlsContext>> load_tls() const;
  // Raises the limit of open files to max_connections and 256 more. If the system allows less,
  // lowers max_connections and logs a warning. Errors: kFailedPrecondition when it allows at most
  // 256; those of base::allow_open_files().
  [[nodiscard]] base::Result<void> fit_to_open_files(base::Logger& log);
  // Returns the server's options. `tls` may be null; it must outlive the server. REQUIRES: check()
  // succeeded.
  [[nodiscard]] http::Server::Options to_server(const net::TlsContext* tls) const;
};

}  // namespace service
