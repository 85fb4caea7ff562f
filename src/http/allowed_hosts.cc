#include "http/allowed_hosts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <fmt/format.h>

#include "http/message.h"

namespace http {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool is_ipv6(std::string_view number) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(number).c_str(), &address) == 1;
}

// Returns the host without its port. Empty when what follows the host is no port.
std::string_view without_port(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  if (end == 0 || end >= host.size()) return end == 0 ? std::string_view() : host;
  const std::string_view port = host.substr(end);
  const bool is_port = port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit);
  return is_port ? host.substr(0, end) : std::string_view();
}

}  // namespace

base::Result<AllowedHosts> AllowedHosts::parse(std::string_view list) {
  AllowedHosts hosts;
  hosts.allows_any_ = false;
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    const bool is_bracketed = name.size() > 2 && name.starts_with('[') && name.ends_with(']');
    if (is_bracketed) name = name.substr(1, name.size() - 2);
    if (name == "*" && !is_bracketed) {
      hosts.allows_any_ = true;
    } else if (is_ipv6(name)) {
      hosts.names_.push_back(fmt::format("[{}]", name));
    } else if (is_name(name) && !is_bracketed) {
      if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
      hosts.names_.emplace_back(name);
    } else {
      return base::fail(
          base::Code::kInvalidArgument,
          fmt::format("'{}' is no host: expected names or addresses without a port, as in "
                      "contest.example,192.0.2.1, or *",
                      name));
    }
    if (comma == list.size()) return hosts;
    list.remove_prefix(comma + 1);
  }
}

AllowedHosts AllowedHosts::loopback() {
  AllowedHosts hosts;
  hosts.allows_any_ = false;
  hosts.names_ = {"127.0.0.1", "localhost", "[::1]"};
  return hosts;
}

void AllowedHosts::add(const AllowedHosts& other) {
  allows_any_ = allows_any_ || other.allows_any_;
  names_.insert(names_.end(), other.names_.begin(), other.names_.end());
}

bool AllowedHosts::allows(std::string_view host) const {
  if (allows_any_) return true;
  std::string_view name = without_port(host);
  if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
  return std::ranges::any_of(
      names_, [name](const std::string& each) { return equals_ignoring_case(each, name); });
}

}  // namespace http
