// Samples from /proc, which every host has.
//
// Only the file `stat` is read for a process that is as before. The others (`status`, `cgroup`,
// `oom_score_adj`, `cmdline`) are read when the process is new, and when its name, threads or
// memory have changed. So a change of its cgroup or its oom_score_adj alone is seen late.
//
// Bounds: Options::command_bytes of a command line, and 1 MiB of any other file, which is more than
// the kernel writes.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vigia/sample/source.h"
#include "vigia/sources/proc_files.h"

namespace vigia {

class ProcSource final : public Source {
 public:
  struct Options {
    std::string root = "/proc";
    std::size_t command_bytes = 4096;
  };

  // Errors: kUnavailable; the message names the file that is missing.
  [[nodiscard]] static base::Result<std::unique_ptr<ProcSource>> open(Options options);

  [[nodiscard]] std::string_view name() const override { return "proc"; }
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

 private:
  // A process, with the size that it had when its details were read.
  struct CachedProcess {
    Process process;
    std::int64_t rss_pages = 0;
  };

  ProcSource(Options options, ProcFiles files)
      : options_(std::move(options)), files_(std::move(files)) {}

  using Access = ProcFiles::Access;

  base::Result<void> read_processes(Sample& sample);
  // Brings a process up to date.
  base::Result<Access> read_process(std::int32_t pid, CachedProcess& cached);
  base::Result<Access> read_details(Process& process);

  const Options options_;
  ProcFiles files_;
  std::vector<std::int32_t> pids_;     // of this sample, ascending
  std::vector<CachedProcess> cached_;  // of the last sample, in ascending order of pid
  std::vector<CachedProcess> next_;    // of this sample; a member to keep its memory
};

}  // namespace vigia
