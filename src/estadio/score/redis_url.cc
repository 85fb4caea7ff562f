#include "estadio/score/redis_url.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

constexpr std::string_view kPlain = "redis://";
constexpr std::string_view kTls = "rediss://";
constexpr std::string_view kUnix = "unix://";
constexpr std::string_view kReserved = "/?#@[]";

base::Failure refuse(std::string_view what) {
  return base::fail(base::Code::kInvalidArgument,
                    fmt::format("{}: expected redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], the same "
                                "with rediss:// for TLS, or unix:///PATH[?db=N]",
                                what));
}

// Returns nothing when a '%' lacks two hexadecimal digits, or encodes a zero byte.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return std::nullopt;
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2 || byte == 0) {
      return std::nullopt;
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  std::string encoded;
  for (const char each : text) {
    const bool is_plain = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                          (each >= '0' && each <= '9') ||
                          std::string_view("-._~").find(each) != std::string_view::npos ||
                          kept.find(each) != std::string_view::npos;
    encoded +=
        is_plain ? std::string(1, each) : fmt::format("%{:02X}", static_cast<unsigned char>(each));
  }
  return encoded;
}

base::Result<void> read_login(std::string_view login, RedisUrl& url) {
  if (login.find_first_of(kReserved) != std::string_view::npos) {
    return refuse(
        "user and password need %2F, %3F, %23, %40, %5B and %5D for '/', '?', '#', '@', '[' and "
        "']'");
  }
  const auto colon = login.find(':');
  const auto user = percent_decoded(login.substr(0, colon));
  const auto password = percent_decoded(colon == std::string_view::npos ? std::string_view()
                                                                        : login.substr(colon + 1));
  if (!user || !password) return refuse("user and password need %25 for '%'");
  if (colon == std::string_view::npos ? user->empty() : password->empty()) {
    return refuse(colon == std::string_view::npos ? "there is no user before '@'"
                                                  : "there is no password between ':' and '@'");
  }
  url.user = *user;
  url.password = *password;
  return {};
}

// host[:port], the host in brackets when it has colons.
base::Result<void> read_server(std::string_view server, RedisUrl& url) {
  std::string_view host = server;
  std::string_view port;
  bool has_port = false;
  if (server.starts_with('[')) {
    const auto bracket = server.find(']');
    if (bracket == std::string_view::npos) return refuse("the '[' before the host has no ']'");
    host = server.substr(1, bracket - 1);
    port = server.substr(bracket + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return refuse("only ':' and the port may follow ']'");
    }
    has_port = !port.empty();
    if (has_port) port.remove_prefix(1);
  } else if (const auto colon = server.find(':'); colon != std::string_view::npos) {
    host = server.substr(0, colon);
    port = server.substr(colon + 1);
    has_port = true;
    if (port.find(':') != std::string_view::npos) {
      return refuse("an IPv6 host needs brackets, as in [::1]");
    }
  }
  const auto decoded = percent_decoded(host);
  if (!decoded || decoded->empty()) return refuse("the host is missing or malformed");
  const auto is_odd = [](char each) {
    return static_cast<unsigned char>(each) <= ' ' || each == '/';
  };
  if (std::ranges::any_of(*decoded, is_odd)) {
    return refuse("the host has a space, a control character or a '/'");
  }
  url.host = *decoded;
  if (has_port) {
    const auto number = number_of(port, UINT16_MAX);
    if (!number || *number == 0) return refuse("the port must be a number from 1 to 65535");
    url.port = static_cast<std::uint16_t>(*number);
  }
  return {};
}

base::Result<void> read_db(std::string_view text, RedisUrl& url) {
  const auto db = number_of(text, INT32_MAX);
  if (!db) return refuse("the database must be a number from 0");
  url.db = static_cast<int>(*db);
  return {};
}

base::Result<RedisUrl> parse_unix(std::string_view rest) {
  RedisUrl url;
  const auto question = rest.find('?');
  const auto path = percent_decoded(rest.substr(0, question));
  if (!path || !path->starts_with('/') || path->size() < 2) {
    return refuse("unix:// must be followed by a path that begins with '/'");
  }
  if (path->size() >= sizeof(sockaddr_un::sun_path)) {
    return refuse(fmt::format("the path of a Unix socket must be shorter than {} bytes",
                              sizeof(sockaddr_un::sun_path)));
  }
  url.unix_path = *path;
  if (question == std::string_view::npos) return url;
  constexpr std::string_view kDb = "db=";
  const std::string_view query = rest.substr(question + 1);
  if (!query.starts_with(kDb)) return refuse("only db=N may follow '?'");
  RETURN_IF_ERROR(read_db(query.substr(kDb.size()), url));
  return url;
}

}  // namespace

base::Result<RedisUrl> RedisUrl::parse(std::string_view text) {
  if (text.size() > kBytesMax) {
    return refuse(fmt::format("the URL is longer than {} bytes", kBytesMax));
  }
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  RedisUrl url;
  url.is_tls = text.starts_with(kTls);
  if (!url.is_tls && !text.starts_with(kPlain)) {
    return refuse("the URL begins with none of redis://, rediss:// and unix://");
  }
  std::string_view rest = text.substr((url.is_tls ? kTls : kPlain).size());
  // The last one: a password with a '@' in it is refused as such, not taken for a host.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    RETURN_IF_ERROR(read_login(rest.substr(0, at), url));
    rest.remove_prefix(at + 1);
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return refuse("nothing may follow the database");
  }
  const auto slash = rest.find('/');
  RETURN_IF_ERROR(read_server(rest.substr(0, slash), url));
  // "redis://host/" means the same as "redis://host".
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    RETURN_IF_ERROR(read_db(rest.substr(slash + 1), url));
  }
  return url;
}

std::string RedisUrl::to_string() const {
  if (!unix_path.empty()) {
    const std::string path = percent_encoded(unix_path, "/");
    return db == 0 ? fmt::format("{}{}", kUnix, path) : fmt::format("{}{}?db={}", kUnix, path, db);
  }
  std::string login = percent_encoded(user, {});
  if (!password.empty()) login += ":***";
  if (!login.empty()) login += '@';
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format(
      "{}{}{}:{}/{}", is_tls ? kTls : kPlain, login,
      is_v6 ? fmt::format("[{}]", percent_encoded(host, ":")) : percent_encoded(host, {}), port,
      db);
}

}  // namespace estadio
