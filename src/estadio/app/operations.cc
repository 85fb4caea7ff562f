#include "estadio/app/operations.h"

#include "estadio/app/role_metrics.h"
#include "http/problem.h"

namespace estadio {
namespace {

void respond_status(http::Exchange& exchange, std::string_view json) {
  exchange.respond(
      {.status = 200, .content_type = "application/json", .body = json, .extra_headers = {}});
}

}  // namespace

void Operations::install(http::Router& router, net::EventLoop& /*loop*/) {
  metrics_.add_to(router);
  router.add(http::Method::kGet, "/healthz", [](const http::Request&, http::Exchange exchange) {
    respond_status(exchange, R"({"status":"alive"})");
  });
  router.add(http::Method::kGet, "/readyz", [this](const http::Request&, http::Exchange exchange) {
    if (const auto unready_reason = unready_reason_()) {
      return http::respond_problem(exchange, 503, *unready_reason);
    }
    respond_status(exchange, R"({"status":"ready"})");
  });
}

base::Result<std::unique_ptr<OperationsServer>> OperationsServer::open(
    const HttpOptions& options, Collector collect, Operations::UnreadyReason unready_reason,
    const base::Clock& clock, base::Logger& log) {
  auto made = std::unique_ptr<OperationsServer>(new OperationsServer());
  OperationsServer& own = *made;
  ASSIGN_OR_RETURN(own.tls_, options.load_tls());
  own.unready_reason_ = std::move(unready_reason);
  own.metrics_.add([&own, collect = std::move(collect)](http::MetricsWriter& metrics) {
    write_metrics(metrics, own.server_->stats());
    collect(metrics);
  });
  ASSIGN_OR_RETURN(own.server_, http::Server::open(options.to_server(own.tls_.get()), {[&own] {
                                                     return std::make_unique<Operations>(
                                                         own.metrics_, own.unready_reason_);
                                                   }},
                                                   clock, log));
  own.server_->serve();
  log_serving(*own.server_, options, log);
  return made;
}

}  // namespace estadio
