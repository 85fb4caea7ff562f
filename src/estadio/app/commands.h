// The commands of estadio, and the functions that they share.
//
// Threads: a command runs in the main thread and starts its other threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/program.h"
#include "base/settings.h"

namespace estadio {

using base::Arguments;
using base::kExitFailed;
using base::kExitOk;
using base::kExitUsage;

[[nodiscard]] const base::Program& program();

int run_all(Arguments arguments);
int run_faculty(Arguments arguments);
int run_discipline(Arguments arguments);
int run_tally(Arguments arguments);
int run_load_command(Arguments arguments);
int run_scoreboard(Arguments arguments);
int run_verify(Arguments arguments);

// Returns the settings of a command of this program.
[[nodiscard]] base::Settings settings_for(std::string command, std::string about,
                                          std::string examples);

// Adds --log-level and --log-format.
void add_log_settings(base::Settings& settings, base::Logger::Options& options);

// The functions of base::Program.
[[nodiscard]] std::optional<int> load_settings(base::Settings& settings, Arguments arguments);
void print_error(std::string_view message);

}  // namespace estadio
