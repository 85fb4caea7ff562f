// What the log asks of the disk; tests put another in its place, to hold it back or have it fail.
//
// Threads: any; a file is written by one thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace estadio {

class Disk {
 public:
  virtual ~Disk() = default;

  // Writes all of `bytes` at `position`. `what` begins the error's message.
  [[nodiscard]] virtual base::Result<void> write(int fd, std::string_view bytes,
                                                 std::size_t position, std::string_view what);
  // Waits until what was written to the file, and its size, are on disk.
  [[nodiscard]] virtual base::Result<void> sync(int fd, std::string_view what);
};

}  // namespace estadio
