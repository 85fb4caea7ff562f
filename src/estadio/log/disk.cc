#include "estadio/log/disk.h"

#include <unistd.h>

#include <cerrno>

#include "base/files.h"

namespace estadio {

base::Result<void> Disk::write(int fd, std::string_view bytes, std::size_t position,
                               std::string_view what) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail(base::Error::from_errno(what, errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
    position += static_cast<std::size_t>(count);
  }
  return {};
}

base::Result<void> Disk::sync_folder(const std::string& path) { return base::sync_folder(path); }

base::Result<void> Disk::sync(int fd, std::string_view what) {
  if (::fdatasync(fd) != 0) return base::fail(base::Error::from_errno(what, errno));
  return {};
}

}  // namespace estadio
