// From a method and a path to the function that answers.
//
// Threads: filled before the server starts, then read by the one loop that owns it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/server.h"

namespace http {

class Router {
 public:
  using Handler = std::function<void(const Request&, Exchange)>;

  // HEAD is answered wherever GET is. A path is matched to the letter.
  void add(Method method, std::string path, Handler handler);

  // Answers by the route, or with a problem: 404, or 405 with Allow.
  void route(const Request& request, Exchange exchange) const;

 private:
  struct Route {
    Method method;
    Handler handler;
  };
  std::map<std::string, std::vector<Route>, std::less<>> routes_;
};

}  // namespace http
