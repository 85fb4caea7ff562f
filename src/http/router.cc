#include "http/router.h"

#include <fmt/format.h>

#include "http/problem.h"

namespace http {
namespace {

bool answers(Method route, Method asked) {
  return route == asked || (route == Method::kGet && asked == Method::kHead);
}

}  // namespace

void Router::add(Method method, std::string path, Handler handler) {
  routes_[std::move(path)].push_back({.method = method, .handler = std::move(handler)});
}

void Router::route(const Request& request, Exchange exchange) const {
  const auto found = routes_.find(request.path);
  if (found != routes_.end()) {
    for (const Route& route : found->second) {
      if (answers(route.method, request.method)) return route.handler(request, exchange);
    }
    std::string allow;
    for (const Route& route : found->second) {
      if (!allow.empty()) allow += ", ";
      allow += to_string(route.method);
      if (route.method == Method::kGet) allow += ", HEAD";
    }
    return respond_problem(exchange, 405, fmt::format("{} takes {} only", request.path, allow), {},
                           fmt::format("Allow: {}\r\n", allow));
  }
  respond_problem(exchange, 404, fmt::format("there is nothing at {}", request.path));
}

}  // namespace http
