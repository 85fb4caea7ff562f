// The process's limit of open files, which includes sockets.
//
// Threads: call before other threads start.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace base {

// Raises the soft limit to `wanted`, or to the hard limit when that is lower. Never lowers it.
// Returns the resulting soft limit. Errors: the system's.
[[nodiscard]] Result<std::size_t> allow_open_files(std::size_t wanted);

}  // namespace base
