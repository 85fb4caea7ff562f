// The log's access to the disk. Tests replace it to delay it or to make it fail.
//
// Threads: any. One thread at a time writes a file.
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
  // Waits until the names of the folder's files are on disk.
  [[nodiscard]] virtual base::Result<void> sync_folder(const std::string& path);
  // Waits until the file's written bytes and its size are on disk.
  [[nodiscard]] virtual base::Result<void> sync(int fd, std::string_view what);
};

}  // namespace estadio
