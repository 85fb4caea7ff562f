// Samples from /proc, which is there everywhere.
//
// Cheap where little happens: of each process one file is read, `stat`. What the others say
// (`status`, `cgroup`, `cmdline`, `oom_score_adj`) is read of a new process, and again when its
// name, its threads or its memory have changed; so what changes alone, as a cgroup or an
// oom_score_adj that somebody sets, is told late.
//
// Bounds: of a command line Options::command_bytes; of any other file 1 MiB, which is more than the
// kernel writes of one.
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

#include "base/freed.h"
#include "base/result.h"
#include "vigia/sample/source.h"

namespace vigia {

class ProcSource final : public Source {
 public:
  struct Options {
    std::string root = "/proc";
    std::size_t command_bytes = 4096;
  };

  // Errors: kUnavailable, naming what is not there.
  [[nodiscard]] static base::Result<std::unique_ptr<ProcSource>> open(Options options);

  [[nodiscard]] std::string_view name() const override { return "proc"; }
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

 private:
  // A process of the last sample, and what its details were read at.
  struct Known {
    Process process;
    std::int64_t rss_pages = 0;
  };

  explicit ProcSource(Options options) : options_(std::move(options)) {}

  base::Result<void> read_host(Sample& sample);
  base::Result<void> list_processes();
  base::Result<void> read_processes(Sample& sample);
  // What came of a process that was listed.
  enum class Fate { kRead, kHasGone, kIsHidden };
  base::Result<Fate> read_process(std::int32_t pid, Known& known);
  base::Result<Fate> read_details(Process& process);
  // The text of a file below `folder`, within buffer_; nothing when the process has gone or is
  // hidden, which `fate` tells.
  base::Result<std::optional<std::string_view>> read_of(int folder, const char* file,
                                                        std::size_t bytes_max, Fate& fate);
  base::Result<std::string_view> read_file(const char* path);
  [[nodiscard]] base::Failure says_nonsense(std::string_view path) const;

  const Options options_;
  std::string kernel_;
  std::string boot_id_;
  std::int64_t tick_ns_ = 0;
  std::unique_ptr<DIR, base::Freed<&::closedir>> root_;
  std::vector<char> buffer_;
  std::vector<std::int32_t> pids_;  // ascending
  std::vector<Known> known_;        // by pid, of the last sample
  std::vector<Known> found_;        // of this one; kept for its memory
};

}  // namespace vigia
