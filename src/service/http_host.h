// The HTTP server of a role: the role's services and the routes for operators, with TLS when it is
// configured.
//
// Threads: as http::Server.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "http/server.h"
#include "net/tls.h"
#include "service/admin_service.h"
#include "service/http_options.h"
#include "service/role.h"

namespace service {

class HttpHost {
 public:
  // Listens; accepts no connection before serve(). Raises the limit of open files as
  // HttpOptions::fit_to_open_files() does. Adds the figures of `role` to /metrics, and its reason
  // to /readyz, once the role has opened. `role` must outlive the host. Errors: those of
  // HttpOptions and of http::Server::open().
  [[nodiscard]] static base::Result<std::unique_ptr<HttpHost>> open(
      HttpOptions options, std::vector<http::ServiceFactory> services, const Role& role,
      const Context& context);

  // Starts the server and logs its address. Warns when it listens beyond this machine without TLS.
  void serve();

  // Stops the server. Waits at most kDrainPatience for pending answers.
  void stop() { server_->stop(kDrainPatience); }

 private:
  HttpHost(const Role& role, const Context& context);

  AdminService::Callbacks admin_callbacks(const Role& role);

  const Context context_;
  const AdminService::Callbacks admin_callbacks_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<http::Server> server_;  // last: destroyed before the others
};

}  // namespace service
