#include "estadio/load/target.h"

#include <algorithm>
#include <fmt/format.h>

namespace estadio::load {

base::Result<Target> Target::parse(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const auto bad = [&] {
    return base::fail(
        base::Code::kInvalidArgument,
        fmt::format("expected http://HOST:PORT[/PATH] or https://..., got '{}'", url));
  };

  Target target;
  target.is_tls = url.starts_with(kHttps);
  if (!target.is_tls && !url.starts_with(kHttp)) return bad();
  // Host and path go into the request unchanged, so refuse spaces and control characters.
  const bool is_plain =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F && c != '#'; });
  if (!is_plain) return bad();

  const std::string_view rest = url.substr(target.is_tls ? kHttps.size() : kHttp.size());
  const std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, path_at);
  const std::string_view path = rest.substr(path_at);
  if (path.starts_with('?')) {
    target.path += path;
  } else if (!path.empty() && path != "/") {
    target.path = path;
  }

  const bool has_port = authority.rfind(':') != std::string_view::npos && !authority.ends_with(']');
  auto address =
      net::Address::parse(has_port ? std::string(authority)
                                   : fmt::format("{}:{}", authority, target.is_tls ? 443 : 80));
  if (!address || !address->unix_path.empty() || address->port == 0) return bad();
  if (authority.find('@') != std::string_view::npos) return bad();
  target.address = *std::move(address);
  target.authority = authority;
  return target;
}

}  // namespace estadio::load
