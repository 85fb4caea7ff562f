// The names that a request may have in Host. They protect a server on the loopback address from a
// web page elsewhere. Such a page can make its own name resolve to 127.0.0.1 ("DNS rebinding"), and
// then the browser lets it read the server's answers. The browser sends the page's name in Host.
//
// Threads: values; allows() may be called from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace http {

class AllowedHosts {
 public:
  // Allows every Host.
  static AllowedHosts any() { return {}; }
  // Allows the names of `list`, separated by commas: names, IPv4 and IPv6 addresses, without a
  // port.
  // "*" allows every Host. Errors: kInvalidArgument, naming the part that is none of these.
  [[nodiscard]] static base::Result<AllowedHosts> parse(std::string_view list);
  // Allows localhost, 127.0.0.1 and [::1].
  [[nodiscard]] static AllowedHosts loopback();

  // Allows the names of `other` too.
  void add(const AllowedHosts& other);

  // Whether a request may have this Host: a name and perhaps a port, any port. Ignores ASCII case
  // and a dot at the name's end.
  [[nodiscard]] bool allows(std::string_view host) const;

 private:
  bool allows_any_ = true;
  std::vector<std::string> names_;  // lower case; an IPv6 address is in brackets
};

}  // namespace http
