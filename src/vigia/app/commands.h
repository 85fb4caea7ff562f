// The commands of vigia.
//
// Threads: each runs in the main thread and starts what it needs.
#pragma once

#include "base/program.h"

namespace vigia {

[[nodiscard]] const base::Program& program();

int run_snapshot(base::Arguments arguments);
int run_record(base::Arguments arguments);
int run_sources(base::Arguments arguments);

}  // namespace vigia
