// The limit of open files of the process, sockets among them.
//
// Threads: call before other threads start.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace base {

// Raises the soft limit to `wanted`, or to the hard limit when that is lower. Never lowers it.
// Returns the soft limit now. Errors: the system's.
[[nodiscard]] Result<std::size_t> allow_open_files(std::size_t wanted);

}  // namespace base
