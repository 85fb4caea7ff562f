#include "estadio/score/redis_connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <fmt/format.h>
#include <system_error>
#include <utility>

#include "base/c_deleter.h"

namespace estadio {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;

base::Failure away(std::string reason) {
  return base::fail(base::Code::kUnavailable, std::move(reason));
}

std::string reason_of(int error_number) { return std::generic_category().message(error_number); }

// Whether the socket became ready, or failed, before the deadline.
bool wait_for(int fd, short events, const Deadline& deadline) {
  while (true) {
    pollfd waited{.fd = fd, .events = events, .revents = 0};
    const int left_ms = deadline.left_ms();
    const int ready = ::poll(&waited, 1, left_ms);
    if (ready > 0) return true;
    if (left_ms == 0 || (ready < 0 && errno != EINTR)) return false;
  }
}

base::Result<base::UniqueFd> connect_to(const net::Resolved& peer, const Deadline& deadline) {
  ASSIGN_OR_RETURN(base::UniqueFd fd, net::start_connecting(peer));
  if (!wait_for(fd.get(), POLLOUT, deadline)) return away("connecting: no answer in time");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return away(fmt::format("connecting: {}", reason_of(error)));
  return fd;
}

RedisReply reply_of(const redisReply& from) {
  RedisReply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::kInteger;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = RedisReply::Kind::kText;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = RedisReply::Kind::kError;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = RedisReply::Kind::kList;
      reply.list.reserve(from.elements);
      for (const redisReply* each : std::span(from.element, from.elements)) {
        reply.list.push_back(reply_of(*each));
      }
      break;
    default: break;
  }
  return reply;
}

}  // namespace

int Deadline::left_ms() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - clock_.mono()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

Deadline Deadline::part(std::size_t divisor) const {
  const base::Nanos left = std::max(at_ - clock_.mono(), base::Nanos::zero());
  return {clock_, left / static_cast<std::int64_t>(divisor)};
}

struct RedisConnection::Parser {
  std::unique_ptr<redisReader, base::CDeleter<&redisReaderFree>> reader{redisReaderCreate()};

  [[nodiscard]] base::Failure refuse() const {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("the answer is not in Redis's protocol: {}", reader->errstr));
  }
};

RedisConnection::RedisConnection(base::UniqueFd fd, std::unique_ptr<net::TlsSession> tls)
    : fd_(std::move(fd)), tls_(std::move(tls)), parser_(std::make_unique<Parser>()) {}

RedisConnection::~RedisConnection() = default;

base::Result<std::unique_ptr<RedisConnection>> RedisConnection::connect(const net::Address& server,
                                                                        const net::TlsContext* tls,
                                                                        const Deadline& deadline) {
  ASSIGN_OR_RETURN(const std::vector<net::Resolved> peers, net::resolve(server));
  base::Result<base::UniqueFd> fd;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    // An address that never answers must leave time for the addresses after it.
    fd = connect_to(peers[i], deadline.part(peers.size() - i));
    if (fd) break;
  }
  if (!fd) return base::fail(std::move(fd).error());
  std::unique_ptr<net::TlsSession> session;
  if (tls != nullptr) {
    session = tls->start(fd->get(), server.host);
    if (!session) return away("TLS could not be started");
  }
  return std::unique_ptr<RedisConnection>(new RedisConnection(*std::move(fd), std::move(session)));
}

base::Result<std::size_t> RedisConnection::read(char* data, std::size_t size,
                                                const Deadline& deadline) {
  while (true) {
    const std::ptrdiff_t count =
        tls_ ? tls_->read(data, size) : ::recv(fd_.get(), data, size, MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) return away("the connection was closed");
    short events = POLLIN;
    if (tls_) {
      if (count == net::TlsSession::kFailed) return away("TLS: " + tls_->failure());
      if (count == net::TlsSession::kWantWrite) events = POLLOUT;
    } else if (errno != EAGAIN && errno != EINTR) {
      return away(reason_of(errno));
    }
    if (!wait_for(fd_.get(), events, deadline)) return away("no answer in time");
  }
}

base::Result<std::size_t> RedisConnection::write(std::string_view bytes, const Deadline& deadline) {
  while (true) {
    const std::ptrdiff_t count =
        tls_ ? tls_->write(bytes.data(), bytes.size())
             : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    short events = POLLOUT;
    if (tls_) {
      if (count == net::TlsSession::kFailed) return away("TLS: " + tls_->failure());
      if (count == 0) return away("the connection was closed");
      if (count == net::TlsSession::kWantRead) events = POLLIN;
    } else if (errno != EAGAIN && errno != EINTR) {
      return away(reason_of(errno));
    }
    if (!wait_for(fd_.get(), events, deadline)) return away("the command was not taken in time");
  }
}

base::Result<RedisReply> RedisConnection::exchange(std::span<const std::string_view> command,
                                                   const Deadline& deadline) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string_view each : command) {
    texts.push_back(each.data());
    sizes.push_back(each.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(command.size()),
                                          texts.data(), sizes.data());
  const std::unique_ptr<char, base::CDeleter<&redisFreeCommand>> owner(formatted);
  if (size < 0) return base::fail(base::Code::kResourceExhausted, "no memory for a command");
  std::string_view unsent(formatted, static_cast<std::size_t>(size));
  while (!unsent.empty()) {
    ASSIGN_OR_RETURN(const std::size_t count, write(unsent, deadline));
    unsent.remove_prefix(count);
  }

  redisReader* reader = parser_->reader.get();
  std::size_t received = 0;
  while (true) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader, &raw) != REDIS_OK) return parser_->refuse();
    if (raw != nullptr) {
      const std::unique_ptr<redisReply, base::CDeleter<&freeReplyObject>> reply(
          static_cast<redisReply*>(raw));
      if (reader->pos != reader->len) return away("more came than one reply");
      return reply_of(*reply);
    }
    char bytes[kReadBytes];
    ASSIGN_OR_RETURN(const std::size_t count, read(bytes, sizeof bytes, deadline));
    received += count;
    if (received > kReplyBytesMax) {
      return base::fail(base::Code::kFailedPrecondition,
                        fmt::format("the reply is longer than {} bytes", kReplyBytesMax));
    }
    if (redisReaderFeed(reader, bytes, count) != REDIS_OK) return parser_->refuse();
  }
}

bool RedisConnection::is_quiet() const {
  pollfd waited{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, 0) == 0 && !(tls_ && tls_->has_pending());
}

}  // namespace estadio
