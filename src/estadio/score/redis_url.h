// The address of a Redis server, and the login:
//
//   redis://[user[:password]@]host[:port][/db]
//   rediss://[user[:password]@]host[:port][/db]   over TLS
//   unix:///path/to/redis.sock[?db=N]
//
// An IPv6 address needs brackets. User, password, host and path are percent-decoded. In user and
// password the characters '/', '?', '#', '@', '[' and ']' must be percent-encoded.
//
// Threads: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace estadio {

struct RedisUrl {
  static constexpr std::uint16_t kPortDefault = 6379;
  static constexpr std::size_t kBytesMax = 2048;

  std::string host;  // a name or a number without brackets; empty with a Unix socket
  std::uint16_t port = kPortDefault;
  std::string unix_path;  // of a Unix socket; empty for TCP
  bool is_tls = false;
  int db = 0;
  std::string user;      // empty for the default one
  std::string password;  // empty when there is none

  // Errors: kInvalidArgument naming the expected form. A message never quotes the text, because it
  // may hold a password anywhere.
  [[nodiscard]] static base::Result<RedisUrl> parse(std::string_view text);

  // The URL, with "***" for a password.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const RedisUrl&, const RedisUrl&) = default;
};

}  // namespace estadio
