// The names that a request may have in Host. They protect a server on the loopback address from web
// pages of other sites. Such a page can make its own name resolve to 127.0.0.1 ("DNS rebinding").
// Then the browser lets the page read the server's answers. But the browser sends the page's name
// in Host, so the server can refuse the request.
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
  // Allows the hosts of `list`, which commas separate. A host is a name, an IPv4 address or an IPv6
  // address, without a port. "*" allows every Host.
  // Errors: kInvalidArgument, which names the part that is no host.
  [[nodiscard]] static base::Result<AllowedHosts> parse(std::string_view list);
  // Allows localhost, 127.0.0.1 and [::1].
  [[nodiscard]] static AllowedHosts loopback();

  // Allows the names of `other` too.
  void add(const AllowedHosts& other);

  // Returns whether a request may have this Host. `host` may have any port or none. Compares
  // addresses as texts. Ignores ASCII case and a dot at the name's end.
  [[nodiscard]] bool allows(std::string_view host) const;

 private:
  bool allows_any_ = true;
  std::vector<std::string> names_;  // an IPv6 address is in brackets
};

}  // namespace http
