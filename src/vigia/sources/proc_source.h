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

  ProcSource(Options options, ProcFiles files)
      : options_(std::move(options)), files_(std::move(files)) {}

  using Fate = ProcFiles::Fate;

  base::Result<void> read_processes(Sample& sample);
  base::Result<Fate> read_process(std::int32_t pid, Known& known);
  base::Result<Fate> read_details(Process& process);

  const Options options_;
  ProcFiles files_;
  std::vector<std::int32_t> pids_;  // ascending
  std::vector<Known> known_;        // by pid, of the last sample
  std::vector<Known> found_;        // of this one; kept for its memory
};

}  // namespace vigia
