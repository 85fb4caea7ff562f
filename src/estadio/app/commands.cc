#include "estadio/app/commands.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fmt/format.h>

namespace estadio {
namespace {

constexpr std::array<Command, 7> kCommands = {{
    {"all", "run a whole contest in one process, on this machine's disk", run_all},
    {"faculty", "take entries over HTTP and have discipline servers judge them", run_faculty},
    {"discipline", "judge entries that come over gRPC, into Kafka", run_discipline},
    {"tally", "count what is in Kafka into Redis, each entry once", run_tally},
    {"scoreboard", "show the score that is in Redis, live", run_scoreboard},
    {"load", "send entries at a steady rate and measure the answers", run_load_command},
    {"verify", "prove that acknowledged, logged and counted are the same", run_verify},
}};

}  // namespace

std::span<const Command> commands() { return kCommands; }

base::Settings settings_for(std::string command, std::string about, std::string examples) {
  std::vector<std::string> names;
  names.reserve(kCommands.size());
  for (const Command& each : kCommands) names.emplace_back(each.name);
  return base::Settings({.program = "estadio",
                         .command = std::move(command),
                         .about = std::move(about),
                         .examples = std::move(examples),
                         .commands = std::move(names)});
}

void add_log_settings(base::Settings& settings, base::Logger::Options& options) {
  settings.add_parsed(
      "log-level", "LEVEL", "debug, info, warning or error",
      [&](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.level, base::parse_log_level(text));
        return {};
      },
      [&] { return std::string(base::to_string(options.level)); });
  settings.add_parsed(
      "log-format", "FORMAT", "text or json",
      [&](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.format, base::parse_log_format(text));
        return {};
      },
      [&] { return options.format == base::LogFormat::kJson ? "json" : "text"; });
}

std::optional<int> load_settings(base::Settings& settings, Arguments arguments) {
  const auto next =
      settings.load(arguments, [](const std::string& name) { return std::getenv(name.c_str()); });
  if (!next) {
    print_error(next.error().message());
    return kExitUsage;
  }
  if (*next == base::Settings::Next::kDone) return kExitOk;
  return std::nullopt;
}

void print_error(std::string_view message) { fmt::print(stderr, "estadio: {}\n", message); }

}  // namespace estadio
