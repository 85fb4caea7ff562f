// Reads files of /proc into one buffer, and the figures of the host from them.
//
// Threads: belongs to one thread.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/c_deleter.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "vigia/sample/sample.h"

namespace vigia {

// Now, since boot, with time asleep.
[[nodiscard]] std::int64_t boot_time_ns();

class ProcFiles {
 public:
  // Longer than any file of /proc that vigia reads.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  // Errors: kUnavailable; the message names the file that is missing.
  [[nodiscard]] static base::Result<ProcFiles> open(std::string root);

  // Whether a process could be read. /proc may hide processes of others (hidepid).
  enum class Access { kRead, kGone, kHidden };

  struct ProcessFile {
    Access access = Access::kRead;
    std::string_view text;  // valid until the next file is read; empty unless access is kRead
  };

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] int folder() const { return ::dirfd(directory_.get()); }
  [[nodiscard]] std::int64_t tick_ns() const { return tick_ns_; }

  // Lists the pids of all processes in ascending order. Errors: kUnavailable.
  [[nodiscard]] base::Result<void> list_processes(std::vector<std::int32_t>& pids);

  // Reads at most `bytes_max` bytes of a process's file, given by its path below `folder`.
  // Errors: kUnavailable.
  [[nodiscard]] base::Result<ProcessFile> read_of(int folder, const char* file,
                                                  std::size_t bytes_max);

  // Reads all of `sample` except its processes and control groups. Errors: kUnavailable;
  // kCorruption if a file is not as proc(5) has it. The message names the file.
  [[nodiscard]] base::Result<void> read_host(Sample& sample);
  // Reads the memory of the host. Errors: the same.
  [[nodiscard]] base::Result<void> read_memory(Memory& memory);

  // The error that the file at `path` below the root is not as proc(5) has it.
  [[nodiscard]] base::Failure malformed(std::string_view path) const;

 private:
  ProcFiles() = default;

  // A file about the host. It stays open, as opening it takes longer than reading it.
  struct HostFile {
    const char* path;
    base::UniqueFd fd;
  };

  base::Result<void> open_file(HostFile& file);
  // The result lies within buffer_.
  base::Result<std::string_view> read_file(const HostFile& file);
  base::Result<std::string> first_line_of(const char* path);

  std::string root_;
  std::unique_ptr<DIR, base::CDeleter<&::closedir>> directory_;
  std::int64_t tick_ns_ = 0;
  std::string kernel_;
  std::optional<std::string> boot_id_;
  std::vector<char> buffer_;
  HostFile stat_{.path = "stat", .fd = {}};
  HostFile meminfo_{.path = "meminfo", .fd = {}};
  HostFile loadavg_{.path = "loadavg", .fd = {}};
};

}  // namespace vigia
