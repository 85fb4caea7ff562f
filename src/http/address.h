// Where to listen and whom to call: "127.0.0.1:8080", "[::1]:8080", "localhost:0",
// "unix:/run/estadio.sock".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace http {

struct Address {
  std::string host;        // a name or a number; empty with a Unix socket
  std::uint16_t port = 0;  // 0 asks the system for a free one
  std::string unix_path;   // a Unix socket's path; empty for TCP

  // Errors: kInvalidArgument, naming what was expected.
  [[nodiscard]] static base::Result<Address> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const;
};

// A listening, non-blocking socket. A TCP port is not shared with other processes, but
// SO_REUSEPORT is set when `shared`, so that each loop of one process can have its own.
[[nodiscard]] base::Result<base::UniqueFd> listen_on(const Address& address, bool shared);

// The address a listening socket really has (with its port when 0 was asked for).
[[nodiscard]] base::Result<Address> local_address(int fd, const Address& asked);

// Starts connecting: the non-blocking socket becomes writable when done or failed (SO_ERROR says
// which). Name look-up is done here and blocks; keep the result of resolve() for many calls.
struct Resolved {
  alignas(8) unsigned char storage[128];
  std::uint32_t size = 0;
  int family = 0;
};
[[nodiscard]] base::Result<Resolved> resolve(const Address& address);
[[nodiscard]] base::Result<base::UniqueFd> start_connecting(const Resolved& peer);

}  // namespace http
