// estadio: a live competition, from a POST to a proven score. See `estadio --help`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "estadio/app/commands.h"

namespace {

std::string usage() {
  std::string text =
      "estadio runs a live competition: takes entries over HTTP at any load, has each one judged,\n"
      "keeps every result in a durable log, counts them exactly once and shows the score live.\n\n"
      "Usage: estadio COMMAND [flags]\n\nCommands:\n";
  for (const auto& command : estadio::commands()) {
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text +=
      "\nTry it:\n"
      "  estadio all --data contest\n"
      "  estadio load http://127.0.0.1:8080 --rate 10000 --duration 10s --acks acks.ndjson\n"
      "  estadio verify --data contest --acks acks.ndjson\n\n"
      "'estadio COMMAND --help' tells more. Exit status: 0 done, 1 failed or different, 2 wrong "
      "usage.\n";
  return text;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", usage());
    return estadio::kExitUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    fmt::print("{}", usage());
    return estadio::kExitOk;
  }
  if (name == "--version") {
    fmt::print("estadio {}\n", ESTADIO_VERSION);
    return estadio::kExitOk;
  }
  const auto commands = estadio::commands();
  const auto command = std::ranges::find(commands, name, &estadio::Command::name);
  if (command == commands.end()) {
    estadio::print_error(fmt::format("there is no command '{}' (see 'estadio --help')", name));
    return estadio::kExitUsage;
  }
  return command->run(std::span(arguments).subspan(1));
}

}  // namespace

int main(int argc, char** argv) {
  int status = estadio::kExitFailed;
  try {
    status = run({argv + std::min(argc, 1), argv + argc});
  } catch (const std::system_error&) {
    // fmt's way to say that nothing can be written, of which nobody can be told.
    return estadio::kExitFailed;
  }
  // A report that did not reach its reader is no success.
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return status == estadio::kExitOk && !is_written ? estadio::kExitFailed : status;
}
