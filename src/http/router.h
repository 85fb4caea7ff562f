// Maps a method and a path to the function that answers.
//
// Threads: add() is called before the server starts. Then only the owning loop calls route().
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

  // Adds a route for an exact path. A GET route also answers HEAD.
  void add(Method method, std::string path, Handler handler);

  // Calls the route's handler. Without a route, answers with a problem: 404, or 405 with Allow.
  void route(const Request& request, Exchange exchange) const;

 private:
  struct Route {
    Method method;
    Handler handler;
  };
  std::map<std::string, std::vector<Route>, std::less<>> routes_;
};

}  // namespace http
