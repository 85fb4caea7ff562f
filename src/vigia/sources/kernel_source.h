// Samples from the kernel itself: one reading gives the rows of all processes, from the module or
// from the BPF iterator.
//
// A row has no long texts. They are read from /proc and kept: a command line when a process is new
// or has called exec, a path when no process was in the group before. So a command line that a
// process changes later is not seen. An empty command line is read again.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vigia/sample/source.h"
#include "vigia/sources/proc_files.h"
#include "vigia/sources/row_stream.h"
#include "vigia/sources/rows.h"

namespace vigia {

class KernelSource final : public Source {
 public:
  struct Options {
    std::string proc = "/proc";
    std::size_t command_bytes = 4096;
  };

  // Errors: those of ProcFiles::open().
  [[nodiscard]] static base::Result<std::unique_ptr<KernelSource>> open(
      std::unique_ptr<RowStream> stream, Options options);

  [[nodiscard]] std::string_view name() const override { return stream_->name(); }
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

 private:
  // A process, with the text that its row lacks. The other members show when the text is out of
  // date.
  struct CachedProcess {
    std::int32_t pid = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t exec_id = 0;
    std::string command;
  };
  struct CachedGroup {
    std::string path;
    // Whether the paths of two samples agreed. The first process may have moved before its path was
    // read.
    bool is_certain = false;
    bool is_in_use = true;  // by a process of this sample
  };

  KernelSource(std::unique_ptr<RowStream> stream, Options options, ProcFiles files)
      : stream_(std::move(stream)), options_(std::move(options)), files_(std::move(files)) {}

  base::Result<void> read_processes(Sample& sample);
  base::Result<void> read_command(const Row& row, CachedProcess& cached);
  base::Result<void> find_group(const Row& row, std::string& path);
  // Returns the text of a file of the process; nothing if that process has ended.
  base::Result<std::optional<std::string_view>> read_of(const Row& row, const char* file,
                                                        std::size_t bytes_max);

  std::unique_ptr<RowStream> stream_;
  const Options options_;
  ProcFiles files_;
  std::vector<Row> rows_;
  std::vector<CachedProcess> cached_;  // of the last sample, in ascending order of pid
  std::vector<CachedProcess> next_;    // of this sample; a member to keep its memory
  std::unordered_map<std::uint64_t, CachedGroup> groups_;  // by cgroup_id
};

}  // namespace vigia
