#include "estadio/dedup/id_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>

#include "base/unique_fd.h"

namespace estadio {

IdMemory::Region::~Region() {
  if (data_ == nullptr) return;
  ::munmap(data_, bytes_);
  *used_ -= bytes_;
}

base::Result<IdMemory::Region> IdMemory::allocate(std::size_t bytes) {
  if (memory_.fetch_add(bytes) + bytes > options_.bytes_max) {
    memory_ -= bytes;
    return allocate_in_file(bytes);
  }
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    memory_ -= bytes;
    return base::fail(base::Error::from_errno("taking memory for ids", errno));
  }
  return Region(data, bytes, memory_);
}

base::Result<IdMemory::Region> IdMemory::allocate_in_file(std::size_t bytes) {
  std::string what = "making a file for ids in " + options_.folder;
  if (options_.folder_setting != nullptr) what += fmt::format(" ({})", options_.folder_setting);
  base::UniqueFd file(::open(options_.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR)) {
    // The file system cannot make files without a name.
    std::string path = options_.folder + "/estadio-ids-XXXXXX";
    file = base::UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
    if (file) ::unlink(path.c_str());
  }
  if (!file) return base::fail(base::Error::from_errno(what, errno));
  // Reserve the room now: a write to a mapped page of a full disk would end the process.
  if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); error != 0) {
    return base::fail(base::Error::from_errno(what, error));
  }
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return base::fail(base::Error::from_errno(what, errno));
  files_ += bytes;
  return Region(data, bytes, files_);
}

void write_metrics(base::MetricsWriter& metrics, const IdMemory::Stats& stats) {
  constexpr const char* kHelp = "Bytes that hold clients' ids of the retry window, by place.";
  metrics.gauge("estadio_retry_bytes", kHelp, stats.memory_bytes, {{"place", "memory"}});
  metrics.gauge("estadio_retry_bytes", kHelp, stats.file_bytes, {{"place", "file"}});
}

}  // namespace estadio
