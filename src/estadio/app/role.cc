#include "estadio/app/role.h"

#include <fmt/format.h>

#include "net/address.h"

namespace estadio {

base::Result<Contest> contest_of(const std::string& contest_file) {
  if (contest_file.empty()) return Contest::defaults();
  return Contest::from_file(contest_file);
}

void add_contest_setting(base::Settings& settings, std::string& contest_file) {
  settings.add("contest", contest_file, "FILE",
               "contest.toml, the same for all roles; without it the default contest");
}

std::vector<std::string> listed(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    all.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return all;
}

base::Result<void> check_servers(std::string_view setting, std::string_view list) {
  const std::vector<std::string> servers = listed(list);
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

int exit_status_of(const base::Error& error) {
  print_error(error.message());
  const bool is_usage = error.code() == base::Code::kInvalidArgument ||
                        error.code() == base::Code::kNotFound ||
                        error.code() == base::Code::kFailedPrecondition;
  return is_usage ? kExitUsage : kExitFailed;
}

}  // namespace estadio
