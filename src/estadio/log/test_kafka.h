// A real Kafka broker for tests: one for the whole test program, started when the first test asks
// for it, by tools/kafka. For tests only.
//
// Threads: the main one.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/test_folder.h"
#include "base/unique_fd.h"

namespace estadio::test {

class KafkaBroker {
 public:
  // Starts one in `folder`; on `port`, or a free one when it is 0. `settings` are KEY=VALUE.
  explicit KafkaBroker(const std::string& folder, int port = 0,
                       const std::vector<std::string>& settings = {}) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    base::UniqueFd out(ends[0]);
    base::UniqueFd in(ends[1]);
    const std::string number = std::to_string(port);
    std::vector<const char*> command = {"kafka",        "start",  "--data",
                                        folder.c_str(), "--port", number.c_str()};
    for (const std::string& each : settings) command.insert(command.end(), {"--set", each.c_str()});
    command.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setpgid(0, 0);
      ::dup2(in.get(), STDOUT_FILENO);
      ::execv(OLIMPIADAS_TOOLS "/kafka", const_cast<char**>(command.data()));
      ::_exit(127);
    }
    in.reset();
    const std::unique_ptr<std::FILE, decltype(&std::fclose)> lines(::fdopen(::dup(out.get()), "r"),
                                                                   &std::fclose);
    std::array<char, 256> line{};
    while (std::fgets(line.data(), line.size(), lines.get()) != nullptr) {
      const std::string text = line.data();
      const auto at = text.find("ready on ");
      if (at == std::string::npos) continue;
      address_ = text.substr(at + 9, text.find('\n') - at - 9);
      break;
    }
    out_ = std::move(out);
  }
  ~KafkaBroker() { end(SIGTERM); }
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  // "127.0.0.1:PORT"; empty when it did not start.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int port() const { return std::stoi(address_.substr(address_.find(':') + 1)); }

  // Ends it and whatever it started.
  void end(int signal_number) {
    if (pid_ <= 0) return;
    ::kill(signal_number == SIGKILL ? -pid_ : pid_, signal_number);
    ::waitpid(pid_, nullptr, 0);
    ::kill(-pid_, SIGKILL);
    pid_ = -1;
  }

  // Returns why no broker can be used on this machine; nothing when one can.
  static std::optional<std::string> skip_reason() {
    if (auto why = client_skip_reason()) return why;
    if (shared().address().empty()) {
      return "NOT TESTED, Kafka: no broker could be started (tools/deps kafka; tools/kafka start)";
    }
    return std::nullopt;
  }
  // The same for a test that needs no broker, only librdkafka's client.
  static std::optional<std::string> client_skip_reason() {
#ifdef __SANITIZE_THREAD__
    return "NOT TESTED under ThreadSanitizer, Kafka: librdkafka starts its threads with C11's "
           "thrd_create, which the sanitizer does not see and crashes on";
#else
    return std::nullopt;
#endif
  }

  // The broker of all tests.
  static KafkaBroker& shared() {
    static const TempFolder folder;
    static KafkaBroker broker(folder / "kafka");
    return broker;
  }

 private:
  using TempFolder = base::test::TempFolder;
  pid_t pid_ = -1;
  base::UniqueFd out_;
  std::string address_;
};

}  // namespace estadio::test
