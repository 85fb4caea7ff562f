// The commands of estadio. Each reads its own settings, wires its parts and gives an exit status.
//
// Threads: each runs in the main thread and starts what it needs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/settings.h"

namespace estadio {

// Exit statuses, as the README documents them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the work failed, or a difference was found
inline constexpr int kExitUsage = 2;   // the command line or configuration is wrong

using Arguments = std::span<const std::string>;

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments arguments);
};

// Every command, in the order of the help.
[[nodiscard]] std::span<const Command> commands();

int run_all(Arguments arguments);
int run_faculty(Arguments arguments);
int run_discipline(Arguments arguments);
int run_tally(Arguments arguments);
int run_load_command(Arguments arguments);
int run_scoreboard(Arguments arguments);
int run_verify(Arguments arguments);

// Settings of a command of this program.
[[nodiscard]] base::Settings settings_for(std::string command, std::string about,
                                          std::string examples);

// --log-level and --log-format.
void add_log_settings(base::Settings& settings, base::Logger::Options& options);

// Loads the settings from all layers; prints what is wrong. The exit status when the command is
// not to go on, else nothing.
[[nodiscard]] std::optional<int> load_settings(base::Settings& settings, Arguments arguments);

// "estadio: message" on standard error.
void print_error(std::string_view message);

}  // namespace estadio
