#include "estadio/score/redis_client.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace estadio {
namespace {

struct Meaning {
  std::string_view start;
  base::Code code;
};

// The first word of an error is its kind; "ERR" is everything that has none of its own.
constexpr Meaning kMeanings[] = {
    // A retry at another moment, or on the next connection, may succeed.
    {"LOADING ", base::Code::kUnavailable},
    {"MASTERDOWN ", base::Code::kUnavailable},
    {"CLUSTERDOWN ", base::Code::kUnavailable},
    {"TRYAGAIN ", base::Code::kUnavailable},
    {"READONLY ", base::Code::kUnavailable},
    {"NOREPLICAS ", base::Code::kUnavailable},
    {"MISCONF ", base::Code::kUnavailable},
    {"BUSY ", base::Code::kUnavailable},
    {"ERR max number of clients", base::Code::kUnavailable},
    {"OOM ", base::Code::kResourceExhausted},
    // An operator must change a setting, a right or a key.
    {"NOAUTH ", base::Code::kFailedPrecondition},
    {"WRONGPASS ", base::Code::kFailedPrecondition},
    {"NOPERM ", base::Code::kFailedPrecondition},
    {"WRONGTYPE ", base::Code::kFailedPrecondition},
    {"DENIED ", base::Code::kFailedPrecondition},
    {"MOVED ", base::Code::kFailedPrecondition},
    {"ASK ", base::Code::kFailedPrecondition},
};

net::Address address_of(const RedisUrl& url) {
  return {.host = url.host, .port = url.port, .unix_path = url.unix_path};
}

bool starts_with(const RedisReply& reply, std::string_view text) {
  return reply.is_error() && reply.text.starts_with(text);
}

}  // namespace

base::Code code_of_redis_error(std::string_view text) {
  const auto* const found = std::ranges::find_if(
      kMeanings, [&](const Meaning& each) { return text.starts_with(each.start); });
  return found == std::end(kMeanings) ? base::Code::kInternal : found->code;
}

RedisClient::RedisClient(Options options, const base::Clock& clock,
                         std::optional<net::TlsContext> tls)
    : options_(std::move(options)),
      clock_(clock),
      tls_(std::move(tls)),
      address_(address_of(options_.url)),
      server_(address_.to_string()) {}

base::Result<std::optional<net::TlsContext>> RedisClient::load_tls(const Options& options) {
  if (options.url.is_tls) {
    ASSIGN_OR_RETURN(net::TlsContext context,
                     net::TlsContext::for_client({.ca_file = options.ca_file}));
    return context;
  }
  if (options.ca_file.empty()) return std::nullopt;
  return base::fail(
      base::Code::kInvalidArgument,
      fmt::format("the authorities in {} are for TLS, but {} has no TLS: write rediss://",
                  options.ca_file, options.url.to_string()));
}

base::Result<std::unique_ptr<RedisClient>> RedisClient::open(Options options,
                                                             const base::Clock& clock) {
  ASSIGN_OR_RETURN(std::optional<net::TlsContext> tls, load_tls(options));
  std::unique_ptr<RedisClient> client(new RedisClient(std::move(options), clock, std::move(tls)));
  ASSIGN_OR_RETURN(Connection connection, client->connect());
  client->free_.push_back(std::move(connection));
  return client;
}

base::Error RedisClient::located(std::string_view what, base::Error error) const {
  return std::move(error).within(fmt::format("Redis at {}: {}", server_, what));
}

// Redis quotes the arguments of an unknown command. On a server that renamed AUTH that would show
// the password. So the quoted arguments are cut off, and a password that is left is hidden.
base::Failure RedisClient::refusal(base::Code code, std::string_view what,
                                   std::string reason) const {
  reason.resize(std::min(reason.size(), reason.find(", with args beginning with")));
  const std::string& password = options_.url.password;
  for (std::size_t at = 0;
       !password.empty() && (at = reason.find(password, at)) != std::string::npos;) {
    reason.replace(at, password.size(), "***");
    at += 3;
  }
  return base::fail(code, fmt::format("Redis at {}: {}: {}", server_, what, reason));
}

base::Result<RedisClient::Connection> RedisClient::connect() {
  const Deadline deadline(clock_, options_.connect_timeout);
  auto connected = RedisConnection::connect(address_, tls_ ? &*tls_ : nullptr, deadline);
  if (!connected) {
    return refusal(base::Code::kUnavailable, "connecting", connected.error().message());
  }
  // An error here does not pass by itself, unless its code says so.
  const auto greet = [&](std::string_view what, std::span<const std::string_view> command,
                         std::string_view accepted = {}) -> base::Result<void> {
    const auto reply = (*connected)->exchange(command, deadline);
    if (!reply) return refusal(reply.error().code(), what, reply.error().message());
    if (!reply->is_error()) return {};
    if (!accepted.empty() && starts_with(*reply, accepted)) return {};
    const base::Code code = code_of_redis_error(reply->text);
    return refusal(code == base::Code::kInternal ? base::Code::kFailedPrecondition : code, what,
                   reply->text);
  };
  const RedisUrl& url = options_.url;
  if (!url.password.empty()) {
    std::vector<std::string_view> command = {"AUTH", url.user, url.password};
    if (url.user.empty()) command.erase(command.begin() + 1);
    RETURN_IF_ERROR(greet("logging in", command));
  }
  if (url.db != 0) {
    const std::string db = std::to_string(url.db);
    RETURN_IF_ERROR(greet("choosing the database", std::array<std::string_view, 2>{"SELECT", db}));
  }
  // The server may still read its data. A refusal for lack of rights is an answer too.
  RETURN_IF_ERROR(greet("sending PING", std::array<std::string_view, 1>{"PING"}, "NOPERM "));
  return *std::move(connected);
}

base::Result<RedisClient::Connection> RedisClient::take() {
  std::unique_lock lock(mutex_);
  if (!given_back_.wait_for(lock, options_.command_timeout,
                            [this] { return in_use_ < kConnectionsMax; })) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("Redis at {}: all {} connections were in use for {} ms", server_,
                                  kConnectionsMax, options_.command_timeout.count()));
  }
  ++in_use_;
  while (!free_.empty()) {
    Connection connection = std::move(free_.back());
    free_.pop_back();
    // The server may have closed it long ago. Nothing was sent on it, so another one is as good.
    if (connection->is_quiet()) return connection;
  }
  return nullptr;
}

void RedisClient::give_back(Connection connection) {
  {
    const std::scoped_lock lock(mutex_);
    --in_use_;
    if (connection) {
      free_.push_back(std::move(connection));
    } else {
      free_.clear();
    }
  }
  given_back_.notify_one();
}

base::Result<RedisReply> RedisClient::exchange(std::string_view what,
                                               std::span<const std::string_view> command) {
  ASSIGN_OR_RETURN(Connection connection, take());
  if (!connection) {
    auto connected = connect();
    if (!connected) {
      give_back(nullptr);
      return base::fail(std::move(connected).error().within(what));
    }
    connection = *std::move(connected);
  }
  auto reply = connection->exchange(command, Deadline(clock_, options_.command_timeout));
  // A former primary does not become the primary again on this connection.
  const bool is_good =
      reply && !(reply->is_error() && code_of_redis_error(reply->text) == base::Code::kUnavailable);
  give_back(is_good ? std::move(connection) : nullptr);
  if (!reply) return refusal(reply.error().code(), what, reply.error().message());
  return reply;
}

base::Result<RedisReply> RedisClient::accept(std::string_view what, RedisReply reply) const {
  if (!reply.is_error()) return reply;
  const base::Code code = code_of_redis_error(reply.text);
  if (reply.text.starts_with("MOVED ") || reply.text.starts_with("ASK ")) {
    reply.text +=
        " (the score book does not support a Redis Cluster: use one server that holds all keys, or "
        "a proxy)";
  }
  return refusal(code, what, std::move(reply.text));
}

base::Result<RedisReply> RedisClient::call(std::string_view what,
                                           std::span<const std::string_view> command) {
  ASSIGN_OR_RETURN(RedisReply reply, exchange(what, command));
  return accept(what, std::move(reply));
}

base::Result<RedisScript> RedisClient::load(std::string_view what, RedisScript::Access access,
                                            std::string text) {
  auto reply = call(what, std::array<std::string_view, 3>{"SCRIPT", "LOAD", text});
  if (reply) {
    return RedisScript{.access = access, .text = std::move(text), .sha1 = std::move(reply->text)};
  }
  // Redis has no error code for a script that it cannot compile.
  const base::Code code = reply.error().code();
  return base::fail(code == base::Code::kInternal ? base::Code::kFailedPrecondition : code,
                    reply.error().message());
}

base::Result<RedisReply> RedisClient::run(std::string_view what, const RedisScript& script,
                                          std::span<const std::string> keys,
                                          std::span<const std::string> arguments) {
  const bool is_read = script.access == RedisScript::Access::kReads;
  const std::string key_count = std::to_string(keys.size());
  std::vector<std::string_view> command = {is_read ? "EVALSHA_RO" : "EVALSHA", script.sha1,
                                           key_count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  ASSIGN_OR_RETURN(RedisReply reply, exchange(what, command));
  if (starts_with(reply, "NOSCRIPT ")) {
    // The server has lost the script, by a restart or SCRIPT FLUSH, and did nothing. EVAL stores
    // it.
    command[0] = is_read ? "EVAL_RO" : "EVAL";
    command[1] = script.text;
    ASSIGN_OR_RETURN(reply, exchange(what, command));
  }
  return accept(what, std::move(reply));
}

}  // namespace estadio
