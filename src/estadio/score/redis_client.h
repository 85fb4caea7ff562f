// A Redis server, called over a few connections that all threads share.
//
// A call takes a free connection or opens one. While kConnectionsMax are in use it waits, up to the
// command's timeout. When a connection fails, the client closes it and all free ones, and the next
// call connects again. No command is sent twice. When a connection broke, the command may have been
// executed. Only the caller can find out.
//
// Threads: every method may be called from any thread. REQUIRES with TLS: SIGPIPE is ignored.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/score/redis_connection.h"
#include "estadio/score/redis_url.h"

namespace estadio {

// Returns our code for an error of Redis; kInternal for an unknown one.
[[nodiscard]] base::Code code_of_redis_error(std::string_view text);

// A Lua script that the server has stored. Calls name it by its hash.
struct RedisScript {
  enum class Access : std::uint8_t { kReads, kWrites };

  Access access = Access::kReads;
  std::string text;
  std::string sha1;
};

class RedisClient {
 public:
  // Enough: the readers of a tally commit rarely, and a scoreboard reads with one thread.
  static constexpr std::size_t kConnectionsMax = 8;

  struct Options {
    RedisUrl url;
    std::string ca_file;  // authorities of the server's certificate; empty: the system's
    std::chrono::milliseconds connect_timeout{5000};  // with login and TLS
    std::chrono::milliseconds command_timeout{5000};
  };

  // Returns the TLS context that checks the server's certificate; nothing for a URL without TLS.
  // Errors: kInvalidArgument for the CA file.
  [[nodiscard]] static base::Result<std::optional<net::TlsContext>> load_tls(
      const Options& options);

  // Connects, and waits until the server answers.
  // Errors: kInvalidArgument for the CA file; those of call().
  [[nodiscard]] static base::Result<std::unique_ptr<RedisClient>> open(Options options,
                                                                       const base::Clock& clock);

  // Sends the command and returns its reply. `what` describes the command in an error's message,
  // which also names the server and Redis's reason, never the password.
  // Errors: kUnavailable: the command may have been executed. kResourceExhausted,
  // kFailedPrecondition, kInternal: Redis refused it (code_of_redis_error()).
  [[nodiscard]] base::Result<RedisReply> call(std::string_view what,
                                              std::span<const std::string_view> command);

  // Stores a script in the server. Errors: those of call().
  [[nodiscard]] base::Result<RedisScript> load(std::string_view what, RedisScript::Access access,
                                               std::string text);
  // Runs the script, and stores it again when the server has lost it. Errors: those of call().
  [[nodiscard]] base::Result<RedisReply> run(std::string_view what, const RedisScript& script,
                                             std::span<const std::string> keys,
                                             std::span<const std::string> arguments);

  // "localhost:6379", "unix:/run/redis.sock".
  [[nodiscard]] const std::string& server() const { return server_; }
  // Adds the server and `what` to an error that was found in a reply.
  [[nodiscard]] base::Error located(std::string_view what, base::Error error) const;

 private:
  using Connection = std::unique_ptr<RedisConnection>;

  RedisClient(Options options, const base::Clock& clock, std::optional<net::TlsContext> tls);

  // Sends one command and returns its reply, which may be an error of Redis.
  base::Result<RedisReply> exchange(std::string_view what,
                                    std::span<const std::string_view> command);
  // Turns a reply that is an error of Redis into an Error. Returns any other reply.
  base::Result<RedisReply> accept(std::string_view what, RedisReply reply) const;
  // Waits for a place among the connections in use; null when a new one is to be opened.
  base::Result<Connection> take();
  // `connection` is null when it failed.
  void give_back(Connection connection);
  base::Result<Connection> connect();
  base::Failure refusal(base::Code code, std::string_view what, std::string reason) const;

  const Options options_;
  const base::Clock& clock_;
  const std::optional<net::TlsContext> tls_;
  const net::Address address_;
  const std::string server_;

  std::mutex mutex_;
  std::condition_variable given_back_;
  // Guarded by mutex_.
  std::vector<Connection> free_;
  std::size_t in_use_ = 0;
};

}  // namespace estadio
