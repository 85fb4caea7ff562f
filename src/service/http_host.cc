#include "service/http_host.h"

#include <utility>

namespace service {

HttpHost::HttpHost(const Role& role, const Context& context)
    : context_(context), admin_callbacks_(admin_callbacks(role)) {}

AdminService::Callbacks HttpHost::admin_callbacks(const Role& role) {
  return {.unready_reason = [this, &role]() -> std::optional<std::string> {
            if (auto reason = context_.life_cycle.unready_reason()) return reason;
            return role.unready_reason();
          },
          .write_metrics =
              [this, &role](base::MetricsWriter& metrics) {
                http::write_metrics(metrics, context_.program.name, server_->stats());
                base::write_metrics(metrics, context_.program.name, context_.log);
                const bool is_open = context_.life_cycle.state() != LifeCycle::State::kOpening;
                if (is_open) role.write_metrics(metrics);
              }};
}

base::Result<std::unique_ptr<HttpHost>> HttpHost::open(HttpOptions options,
                                                       std::vector<http::ServiceFactory> services,
                                                       const Role& role, const Context& context) {
  RETURN_IF_ERROR(options.fit_to_open_files(context.log));
  auto host = std::unique_ptr<HttpHost>(new HttpHost(role, context));
  services.emplace_back(
      [raw = host.get()] { return std::make_unique<AdminService>(raw->admin_callbacks_); });
  ASSIGN_OR_RETURN(host->tls_, options.load_tls());
  ASSIGN_OR_RETURN(host->server_, http::Server::open(options.to_server(host->tls_.get()), services,
                                                     context.clock, context.log));
  return host;
}

void HttpHost::serve() {
  server_->serve();
  const std::string address = server_->address().to_string();
  if (!server_->address().is_loopback() && !tls_) {
    context_.log.warning("listening beyond this machine without TLS", {{"address", address}});
  }
  context_.log.info("serving", {{"address", address}, {"scheme", tls_ ? "https" : "http"}});
}

}  // namespace service
