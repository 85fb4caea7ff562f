#include "estadio/app/server_list.h"

#include <algorithm>
#include <fmt/format.h>

#include "net/address.h"

namespace estadio {

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    names.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

base::Result<void> check_servers(std::string_view setting, std::string_view list) {
  const std::vector<std::string> servers = split_list(list);
  if (servers.empty()) {
    return base::fail(base::Code::kInvalidArgument, fmt::format("{}: expected HOST:PORT", setting));
  }
  for (const std::string& server : servers) {
    const auto address = net::Address::parse(server);
    if (address && address->unix_path.empty() && address->port != 0) continue;
    return base::fail(
        base::Code::kInvalidArgument,
        fmt::format("{}: expected HOST:PORT or [IPV6]:PORT, several with commas, got '{}'", setting,
                    server));
  }
  return {};
}

}  // namespace estadio
