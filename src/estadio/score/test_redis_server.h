// A test's own Redis server with its own folder. It listens on a Unix socket and, if asked, on a
// TCP port of the loopback address. It answers a write once its append-only file has it, so a kill
// -9 loses nothing.
//
// For tests only. Threads: the kernel kills the process when the thread that called start() ends,
// so that no process is left behind. That thread must outlive the server. Any thread may call
// command().
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/c_deleter.h"
#include "base/check.h"
#include "estadio/contest/test_world.h"
#include "estadio/score/redis_url.h"
#include "net/address.h"

namespace estadio::test {

// Returns the path of the program on the PATH. Empty when there is none.
inline std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = fmt::format("{}/{}", folder, name);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

// Runs a program to its end and discards its output. Returns whether its exit status was 0.
inline bool run_program(const std::vector<std::string>& words) {
  const std::string program = find_program(words.front());
  if (program.empty()) return false;
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(nowhere, fd);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class TestRedisServer {
 public:
  enum class Listens { kOnUnixSocket, kOnTcpToo, kOnTlsToo };

  struct Options {
    Listens listens = Listens::kOnUnixSocket;
    std::vector<std::string> settings;  // lines of redis.conf
  };

  // Returns the reason to skip tests. Nothing when the server program is installed.
  static std::string missing() {
    return find_program("redis-server").empty()
               ? "redis-server is not on the PATH: tools/deps redis installs it"
               : "";
  }

  TestRedisServer() : TestRedisServer(Options()) {}
  explicit TestRedisServer(Options options) : options_(std::move(options)) { start(); }
  ~TestRedisServer() { kill(); }
  TestRedisServer(const TestRedisServer&) = delete;
  TestRedisServer& operator=(const TestRedisServer&) = delete;

  // Starts the server and waits until it answers. A later start has the same data.
  void start() {
    CHECK(process_ == 0);
    // Another program may take a free port a moment later.
    for (int attempt = 0; attempt < kStarts; ++attempt) {
      launch();
      bool has_ended = false;
      const bool answers = eventually([&] {
        has_ended = ::waitpid(process_, nullptr, WNOHANG) == process_;
        return has_ended || is_answering();
      });
      if (answers && !has_ended) return;
      if (has_ended) process_ = 0;
      kill();
    }
    ADD_FAILURE() << "redis-server does not start:\n" << read_file(folder_ / "server.log");
    std::abort();
  }

  // Ends the server as kill -9 does.
  void kill() {
    if (process_ == 0) return;
    signal(SIGKILL);
    ::waitpid(std::exchange(process_, 0), nullptr, 0);
  }
  void pause() const { signal(SIGSTOP); }
  void resume() const { signal(SIGCONT); }

  // Executes a command as the default user. Returns a list as words with blanks between them.
  std::string command(const std::vector<std::string>& words) const {
    const Context context(::redisConnectUnix(socket().c_str()));
    CHECK(context != nullptr);
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, base::CDeleter<&freeReplyObject>> reply(
        static_cast<redisReply*>(::redisCommandArgv(context.get(), static_cast<int>(words.size()),
                                                    texts.data(), sizes.data())));
    return reply ? text_of(*reply) : context->errstr;
  }

  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] RedisUrl unix_url() const {
    RedisUrl url;
    url.unix_path = socket();
    return url;
  }
  [[nodiscard]] RedisUrl tcp_url() const {
    RedisUrl url;
    url.host = "localhost";
    url.port = port_;
    url.is_tls = options_.listens == Listens::kOnTlsToo;
    return url;
  }

 private:
  static constexpr int kStarts = 5;
  using Context = std::unique_ptr<redisContext, base::CDeleter<&redisFree>>;

  [[nodiscard]] std::string socket() const { return folder_ / "redis.sock"; }

  void signal(int number) const {
    if (process_ != 0) ::kill(process_, number);
  }

  static std::uint16_t free_port() {
    const net::Address asked{.host = "localhost", .port = 0, .unix_path = {}};
    const auto listener = net::listen_on(asked);
    CHECK(listener);
    return net::local_address(listener->get(), asked)->port;
  }

  void launch() {
    if (options_.listens != Listens::kOnUnixSocket) port_ = free_port();
    const bool is_tls = options_.listens == Listens::kOnTlsToo;
    std::string lines = fmt::format(
        "unixsocket {}\nport {}\nbind 127.0.0.1 -::1\nlogfile server.log\nsave \"\"\n"
        "appendonly yes\n",
        socket(), is_tls ? 0 : port_);
    if (is_tls) lines += fmt::format("tls-port {}\ntls-auth-clients no\n", port_);
    for (const std::string& setting : options_.settings) lines += setting + "\n";
    write_file(folder_ / "redis.conf", lines);

    const std::string program = find_program("redis-server");
    const pid_t parent = ::getpid();
    process_ = ::fork();
    CHECK(process_ >= 0);
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent || ::chdir(folder_.path().c_str()) != 0) ::_exit(127);
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(nowhere, fd);
    ::execl(program.c_str(), "redis-server", "redis.conf", nullptr);
    ::_exit(127);
  }

  // The server answers LOADING while it reads its data.
  [[nodiscard]] bool is_answering() const {
    if (!std::filesystem::exists(socket())) return false;
    const std::string answer = command({"PING"});
    return answer == "PONG" || answer.starts_with("NOAUTH");
  }

  static std::string text_of(const redisReply& reply) {
    if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
    if (reply.type != REDIS_REPLY_ARRAY) return std::string(reply.str ? reply.str : "", reply.len);
    std::string text;
    for (std::size_t i = 0; i < reply.elements; ++i) {
      if (i > 0) text += ' ';
      text += text_of(*reply.element[i]);
    }
    return text;
  }

  const Options options_;
  TempFolder folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;  // 0 while none runs
};

}  // namespace estadio::test
