// One connection to a Redis server. It sends a command and receives the reply before a deadline.
//
// hiredis writes and parses the protocol. The socket, TLS and the waiting are ours: hiredis 0.14 in
// Debian 12 has no TLS, and its timeout begins again with each read.
//
// After an error the connection must be closed, because a reply may still arrive.
//
// Threads: one at a time. REQUIRES with TLS: SIGPIPE is ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/address.h"
#include "net/tls.h"

namespace estadio {

// An answer of Redis (RESP2).
struct RedisReply {
  enum class Kind : std::uint8_t { kNothing, kInteger, kText, kList, kError };

  Kind kind = Kind::kNothing;
  std::int64_t integer = 0;
  std::string text;  // of kText and kError
  std::vector<RedisReply> list;

  [[nodiscard]] bool is_error() const { return kind == Kind::kError; }
};

// A time by which something must be done.
class Deadline {
 public:
  Deadline(const base::Clock& clock, base::Nanos span) : clock_(clock), at_(clock.mono() + span) {}

  // Returns the time left, rounded up, so that a wait does not end just before the deadline.
  // Returns 0 when it has passed.
  [[nodiscard]] int left_ms() const;
  // Returns an earlier deadline: the time left, divided by `divisor`.
  [[nodiscard]] Deadline part(std::size_t divisor) const;

 private:
  const base::Clock& clock_;
  base::Nanos at_;
};

class RedisConnection {
 public:
  // The longest reply. A score of thousands of counts has less than 1 MiB.
  static constexpr std::size_t kReplyBytesMax = std::size_t{16} << 20;

  // Tries the addresses of the server's name, one after the other. The system looks the name up,
  // with a timeout of its own. With `tls` the first command performs the handshake. REQUIRES: `tls`
  // is null or outlives the connection. Errors: kUnavailable.
  [[nodiscard]] static base::Result<std::unique_ptr<RedisConnection>> connect(
      const net::Address& server, const net::TlsContext* tls, const Deadline& deadline);

  ~RedisConnection();

  // Sends the command and returns its reply, which may be an error of Redis.
  // Errors: kUnavailable: the command may have been executed. kFailedPrecondition: the reply is not
  // Redis's protocol, or longer than kReplyBytesMax.
  [[nodiscard]] base::Result<RedisReply> exchange(std::span<const std::string_view> command,
                                                  const Deadline& deadline);

  // Returns true when, between commands, the server has neither closed the connection nor sent
  // anything.
  [[nodiscard]] bool is_quiet() const;

 private:
  struct Parser;

  RedisConnection(base::UniqueFd fd, std::unique_ptr<net::TlsSession> tls);
  // Like recv() and send(). Wait until the deadline for at least one byte.
  base::Result<std::size_t> read(char* data, std::size_t size, const Deadline& deadline);
  base::Result<std::size_t> write(std::string_view bytes, const Deadline& deadline);

  const base::UniqueFd fd_;
  const std::unique_ptr<net::TlsSession> tls_;  // null without TLS
  const std::unique_ptr<Parser> parser_;
};

}  // namespace estadio
