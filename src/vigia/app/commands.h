// The commands of vigia.
//
// Threads: a command runs in the main thread and starts none.
#pragma once

#include "base/program.h"

namespace vigia {

[[nodiscard]] const base::Program& program();

int run_snapshot(base::Arguments arguments);
int run_record(base::Arguments arguments);
int run_sources(base::Arguments arguments);

}  // namespace vigia
