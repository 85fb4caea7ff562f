// How many files, sockets among them, the process may have open.
//
// Threads: to be called before others are started.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace base {

// Raises the limit to `wanted` as far as the system lets this process (the hard limit); a higher
// one stays. Returns how many files may be open now.
[[nodiscard]] Result<std::size_t> allow_open_files(std::size_t wanted);

}  // namespace base
