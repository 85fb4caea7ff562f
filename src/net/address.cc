#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <memory>

namespace net {
namespace {

constexpr int kBacklog = 4096;

base::Result<base::UniqueFd> open_socket(int family) {
  base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail(base::Error::from_errno("opening a socket", errno));
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

// Removes the Unix socket of a server that died: a connection to it is refused.
void remove_dead_socket(const Address& address, const Resolved& own) {
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  struct stat info{};
  // A file of another kind is not ours to remove. bind() then reports that the path is taken.
  const bool is_socket = ::lstat(address.unix_path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
  if (!probe || !is_socket) return;
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(own.storage), own.size);
  if (result != 0 && errno == ECONNREFUSED) ::unlink(address.unix_path.c_str());
}

Resolved resolved_from(const void* address, std::size_t size, int family) {
  Resolved resolved;
  static_assert(sizeof resolved.storage >= sizeof(sockaddr_storage));
  std::memcpy(resolved.storage, address, size);
  resolved.size = static_cast<std::uint32_t>(size);
  resolved.family = family;
  return resolved;
}

base::Result<base::UniqueFd> listen_at(const Resolved& own, bool shares_port,
                                       std::string_view what) {
  ASSIGN_OR_RETURN(base::UniqueFd fd, open_socket(own.family));
  const int on = 1;
  if (own.family != AF_UNIX) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shares_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(own.storage), own.size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    auto failure = base::Error::from_errno(what, error);
    if (error == EADDRINUSE) return base::fail(base::Code::kAlreadyExists, failure.message());
    return base::fail(std::move(failure));
  }
  return fd;
}

}  // namespace

base::Result<Address> Address::parse(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  const auto bad = [&] {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("expected HOST:PORT, [IPV6]:PORT or unix:PATH, got '{}'", text));
  };
  Address address;
  if (text.starts_with(kUnix)) {
    address.unix_path = text.substr(kUnix.size());
    if (address.unix_path.empty() || address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
      return bad();
    }
    return address;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size() || host.empty()) return bad();
  address.host = host;
  return address;
}

std::string Address::to_string() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

bool Address::is_loopback() const {
  in_addr number{};
  const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &number) == 1;
  return !unix_path.empty() || host == "localhost" || host == "::1" ||
         (is_v4 && host.starts_with("127."));
}

base::Result<std::vector<Resolved>> resolve(const Address& address) {
  if (!address.unix_path.empty()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, address.unix_path.c_str(), address.unix_path.size() + 1);
    return std::vector{resolved_from(&un, sizeof un, AF_UNIX)};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* list = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (error != 0) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("looking up '{}': {}", address.host, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  std::vector<Resolved> all;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    all.push_back(resolved_from(each->ai_addr, each->ai_addrlen, each->ai_family));
  }
  return all;
}

base::Result<base::UniqueFd> listen_on(const Address& address) {
  ASSIGN_OR_RETURN(const std::vector<Resolved> all, resolve(address));
  const std::string what = "listening on " + address.to_string();
  base::Result<base::UniqueFd> listener;
  for (const Resolved& own : all) {
    if (own.family == AF_UNIX) remove_dead_socket(address, own);
    // SO_REUSEPORT stays off, so that two servers cannot share the port by mistake.
    listener = listen_at(own, false, what);
    // An address in use is an error: do not fall back to the host's next address.
    if (listener || listener.error().code() == base::Code::kAlreadyExists) break;
  }
  return listener;
}

base::Result<base::UniqueFd> listen_beside(int first) {
  // SO_REUSEPORT is set only now: `first` listens and has excluded every other server. From here on
  // the system admits sockets of this user that set SO_REUSEPORT too. listen_on() does not set it.
  const int on = 1;
  Resolved own;
  socklen_t size = sizeof own.storage;
  if (::setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
      ::getsockname(first, reinterpret_cast<sockaddr*>(own.storage), &size) != 0) {
    return base::fail(base::Error::from_errno("sharing a listening socket's address", errno));
  }
  own.size = size;
  own.family = reinterpret_cast<const sockaddr*>(own.storage)->sa_family;
  return listen_at(own, true, "listening once more on a socket's address");
}

base::Result<Address> local_address(int fd, const Address& asked) {
  if (!asked.unix_path.empty()) return asked;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return base::fail(base::Error::from_errno("reading a socket's address", errno));
  }
  Address actual = asked;
  actual.port =
      ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                                          : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  return actual;
}

base::Result<base::UniqueFd> start_connecting(const Resolved& peer) {
  ASSIGN_OR_RETURN(base::UniqueFd fd, open_socket(peer.family));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(peer.storage), peer.size) != 0 &&
      errno != EINPROGRESS) {
    return base::fail(base::Code::kUnavailable,
                      base::Error::from_errno("connecting", errno).message());
  }
  return fd;
}

}  // namespace net
