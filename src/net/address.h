// Where to listen and whom to call: "127.0.0.1:8080", "[::1]:8080", "localhost:0",
// "unix:/run/estadio.sock".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace net {

struct Address {
  std::string host;        // a name or a number; empty with a Unix socket
  std::uint16_t port = 0;  // 0 asks the system for a free one
  std::string unix_path;   // a Unix socket's path; empty for TCP

  // Errors: kInvalidArgument, naming what was expected.
  [[nodiscard]] static base::Result<Address> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const;
};

// A listening, non-blocking socket. Of several addresses that a name has the first that this
// machine can listen on is taken. Errors: kAlreadyExists when another socket listens there, of
// this process or of any; those of resolve().
[[nodiscard]] base::Result<base::UniqueFd> listen_on(const Address& address);

// One more socket on the TCP address where `first`, of listen_on(), listens, so that each loop of
// a process can have its own: the system spreads clients over them.
[[nodiscard]] base::Result<base::UniqueFd> listen_beside(int first);

// The address a listening socket really has (with its port when 0 was asked for).
[[nodiscard]] base::Result<Address> local_address(int fd, const Address& asked);

// An address as the system's calls take it.
struct Resolved {
  alignas(8) unsigned char storage[128];
  std::uint32_t size = 0;
  int family = 0;
};

// All addresses that a name has, at least one, in the order in which to try them: "localhost" may
// be ::1 and 127.0.0.1, and only one of them served. Blocks; keep the result for many calls.
// Errors: kUnavailable, naming the host.
[[nodiscard]] base::Result<std::vector<Resolved>> resolve(const Address& address);

// Starts connecting: the non-blocking socket becomes writable when done or failed (SO_ERROR says
// which).
[[nodiscard]] base::Result<base::UniqueFd> start_connecting(const Resolved& peer);

}  // namespace net
