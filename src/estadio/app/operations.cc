#include "estadio/app/operations.h"

#include "http/problem.h"

namespace estadio {
namespace {

void respond_status(http::Exchange& exchange, std::string_view json) {
  exchange.respond(
      {.status = 200, .content_type = "application/json", .body = json, .extra_headers = {}});
}

}  // namespace

void Operations::install(http::Router& router, http::EventLoop& /*loop*/) {
  metrics_.add_to(router);
  router.add(http::Method::kGet, "/healthz", [](const http::Request&, http::Exchange exchange) {
    respond_status(exchange, R"({"status":"alive"})");
  });
  router.add(http::Method::kGet, "/readyz", [this](const http::Request&, http::Exchange exchange) {
    if (const auto hindrance = hindrance_()) {
      return http::respond_problem(exchange, 503, *hindrance);
    }
    respond_status(exchange, R"({"status":"ready"})");
  });
}

}  // namespace estadio
