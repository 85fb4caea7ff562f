// Addresses of TCP and Unix sockets, and functions that listen on them and connect to them:
// "127.0.0.1:8080", "[::1]:8080", "localhost:0", "unix:/run/estadio.sock".
//
// Threads: values and functions.
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

  // Errors: kInvalidArgument; the message names the expected form.
  [[nodiscard]] static base::Result<Address> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const;
};

// Opens a listening, non-blocking socket. Tries the host's addresses in order and uses the first
// that works. An address in use ends the search with kAlreadyExists. Removes a Unix socket's file
// when no process listens there. Blocks as resolve() does.
// Errors: kAlreadyExists when a socket of any process listens there, or a file of another kind has
// the Unix path; those of resolve(); the system's.
[[nodiscard]] base::Result<base::UniqueFd> listen_on(const Address& address);

// Opens one more socket on the TCP address of `first`. So each loop of a process can have its own
// socket. The system spreads clients over them.
// REQUIRES: listen_on() returned `first`. Errors: the system's.
[[nodiscard]] base::Result<base::UniqueFd> listen_beside(int first);

// Returns `asked` with the port that the socket has. A Unix address is returned as it is.
// Errors: the system's.
[[nodiscard]] base::Result<Address> local_address(int fd, const Address& asked);

// An address in the form of the system's calls (sockaddr).
struct Resolved {
  alignas(8) unsigned char storage[128];
  std::uint32_t size = 0;
  int family = 0;
};

// Returns all addresses of the host, at least one, in the order in which to try them. "localhost"
// may be ::1 and 127.0.0.1, and a server may listen on only one of them.
// Blocks; keep the result for many calls. Errors: kUnavailable, naming the host.
[[nodiscard]] base::Result<std::vector<Resolved>> resolve(const Address& address);

// Returns a non-blocking socket that is connecting. The socket becomes writable when it has
// connected or failed; SO_ERROR is 0 or the error. Does not block.
// Errors: kUnavailable when the attempt fails at once; the system's when there is no socket.
[[nodiscard]] base::Result<base::UniqueFd> start_connecting(const Resolved& peer);

}  // namespace net
