#include "service/admin_service.h"

#include "http/problem.h"

namespace service {
namespace {

void respond_json(http::Exchange& exchange, std::string_view json) {
  exchange.respond(
      {.status = 200, .content_type = "application/json", .body = json, .extra_headers = {}});
}

}  // namespace

void AdminService::install(http::Router& router, net::EventLoop& /*loop*/) {
  router.add(http::Method::kGet, "/metrics", [this](const http::Request&, http::Exchange exchange) {
    base::MetricsWriter metrics;
    callbacks_.write_metrics(metrics);
    exchange.respond({.status = 200,
                      .content_type = "text/plain; version=0.0.4; charset=utf-8",
                      .body = metrics.text(),
                      .extra_headers = {}});
  });
  router.add(http::Method::kGet, "/healthz", [](const http::Request&, http::Exchange exchange) {
    respond_json(exchange, R"({"status":"alive"})");
  });
  router.add(http::Method::kGet, "/readyz", [this](const http::Request&, http::Exchange exchange) {
    if (const auto reason = callbacks_.unready_reason()) {
      return http::respond_problem(exchange, 503, *reason);
    }
    respond_json(exchange, R"({"status":"ready"})");
  });
}

}  // namespace service
