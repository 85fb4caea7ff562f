#include "base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <system_error>
#include <vector>

namespace base {
namespace {

// Occupies the standard descriptors that are closed. Otherwise a file of data would become
// descriptor 2, and log lines would be written into it. A write to them still fails with EBADF.
void occupy_closed_standard_files() {
  int fd = ::open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDONLY);
  if (fd >= 0) ::close(fd);
}

constexpr int kErrorPatienceMs = 2000;

// Waits until standard error takes bytes. Returns false when it does not in time: a pipe that
// nobody reads must not keep the process from ending.
bool takes_an_error() {
  pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&room, 1, kErrorPatienceMs) > 0;
}

}  // namespace

int Program::run(int argc, char** argv) const {
  // Beyond a limit on the size of files, write() must fail as on a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  occupy_closed_standard_files();
  int status = kExitFailed;
  try {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    status = run_command(arguments);
  } catch (const std::system_error& error) {
    // fmt throws when standard output cannot be written, std::jthread when no thread can start.
    const bool is_thread = error.code() == std::errc::resource_unavailable_try_again;
    return failed(fmt::format("{}: {}", is_thread ? "starting a thread" : "writing standard output",
                              error.code().message()));
  }
  if (std::fflush(stdout) != 0) {
    return failed("writing standard output: " + std::generic_category().message(errno));
  }
  return status == kExitOk && std::ferror(stdout) != 0 ? kExitFailed : status;
}

// Uses std::fputs, because fmt would throw again when standard error cannot be written either.
int Program::failed(const std::string& why) const {
  std::fputs(fmt::format("{}: {}\n", name, why).c_str(), stderr);
  return kExitFailed;
}

int Program::run_command(Arguments arguments) const {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", usage());
    return kExitUsage;
  }
  const std::string& asked = arguments.front();
  if (asked == "--help" || asked == "-h" || asked == "help") {
    fmt::print("{}", usage());
    return kExitOk;
  }
  if (asked == "--version") {
    fmt::print("{} {}\n", name, version);
    return kExitOk;
  }
  const auto command = std::ranges::find(commands, asked, &Command::name);
  if (command == commands.end()) {
    print_error(fmt::format("unknown command '{}' (see '{} --help')", asked, name));
    return kExitUsage;
  }
  return command->run(arguments.subspan(1));
}

std::string Program::usage() const {
  std::string text = fmt::format("{}\nUsage: {} COMMAND [flags]\n\nCommands:\n", description, name);
  for (const Command& command : commands) {
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text += fmt::format(
      "\nTry it:\n{}\n'{} COMMAND --help' shows the flags. Exit status: 0 success, 1 failure or a "
      "difference, 2 wrong usage.\n",
      examples, name);
  return text;
}

Settings Program::settings_for(std::string command, std::string summary,
                               std::string command_examples) const {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& each : commands) names.emplace_back(each.name);
  return Settings({.program = std::string(name),
                   .command = std::move(command),
                   .about = std::move(summary),
                   .examples = std::move(command_examples),
                   .commands = std::move(names)});
}

std::optional<int> Program::load_settings(Settings& settings, Arguments arguments) const {
  const auto next =
      settings.load(arguments, [](const std::string& key) { return std::getenv(key.c_str()); });
  if (!next) {
    print_error(next.error().message());
    return kExitUsage;
  }
  if (*next == Settings::Next::kDone) return kExitOk;
  return std::nullopt;
}

void Program::print_error(std::string_view message) const {
  if (takes_an_error()) std::fputs(fmt::format("{}: {}\n", name, message).c_str(), stderr);
}

int Program::print_failure(const Error& error) const {
  print_error(error.message());
  const bool is_usage = error.code() == Code::kInvalidArgument || error.code() == Code::kNotFound ||
                        error.code() == Code::kFailedPrecondition;
  return is_usage ? kExitUsage : kExitFailed;
}

}  // namespace base
