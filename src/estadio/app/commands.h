// The commands of estadio.
//
// Threads: a command runs in the main thread and starts its other threads.
#pragma once

#include "base/program.h"

namespace estadio {

[[nodiscard]] const base::Program& program();

int run_all(base::Arguments arguments);
int run_faculty(base::Arguments arguments);
int run_discipline(base::Arguments arguments);
int run_tally(base::Arguments arguments);
int run_load_command(base::Arguments arguments);
int run_scoreboard(base::Arguments arguments);
int run_verify(base::Arguments arguments);
int run_repair(base::Arguments arguments);

}  // namespace estadio
