// Files of /proc, read within one buffer; and the host's figures among them.
//
// Threads: of one thread.
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

// Since boot, with time asleep.
[[nodiscard]] std::int64_t boot_time_ns();

class ProcFiles {
 public:
  // No file of /proc that is read here is longer.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  // Errors: kUnavailable, naming what is not there.
  [[nodiscard]] static base::Result<ProcFiles> open(std::string root);

  // What came of a process.
  enum class Fate { kRead, kHasGone, kIsHidden };

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] int folder() const { return ::dirfd(directory_.get()); }
  [[nodiscard]] std::int64_t tick_ns() const { return tick_ns_; }

  // Numbers of all processes, ascending. Errors: kUnavailable.
  [[nodiscard]] base::Result<void> list_processes(std::vector<std::int32_t>& pids);

  // The text of a file below the folder `of`, at most `bytes_max` of it; good until the next is
  // read. Nothing when its process has gone or is hidden, which `fate` tells. Errors: kUnavailable.
  [[nodiscard]] base::Result<std::optional<std::string_view>> read_of(int of, const char* file,
                                                                      std::size_t bytes_max,
                                                                      Fate& fate);

  // All of `sample` but its processes and control groups. Errors: kUnavailable; kCorruption, naming
  // the file.
  [[nodiscard]] base::Result<void> read_host(Sample& sample);
  // As of Sample::memory.
  [[nodiscard]] base::Result<void> read_memory(Memory& memory);

  [[nodiscard]] base::Failure says_nonsense(std::string_view path) const;

 private:
  ProcFiles() = default;

  // A file of the host's, and open between readings: to open one takes longer than to read it.
  struct HostFile {
    const char* path;
    base::UniqueFd fd;
  };

  base::Result<void> open_file(HostFile& file);
  // Within buffer_.
  base::Result<std::string_view> read_file(const HostFile& file);
  base::Result<std::string> first_line_of(const char* path);

  std::string root_;
  std::unique_ptr<DIR, base::CDeleter<&::closedir>> directory_;
  std::int64_t tick_ns_ = 0;
  std::string kernel_;
  std::string boot_id_;
  std::vector<char> buffer_;
  HostFile stat_{.path = "stat", .fd = {}};
  HostFile meminfo_{.path = "meminfo", .fd = {}};
  HostFile loadavg_{.path = "loadavg", .fd = {}};
};

}  // namespace vigia
