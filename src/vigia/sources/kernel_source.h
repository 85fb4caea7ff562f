// Samples from the kernel itself: rows of all processes in one reading, from the module or from
// the BPF iterator.
//
// A row has no long texts. A command line and the path of a control group are read from /proc
// for what is new: a process that began or was executed anew, a group that no process was in
// before. So a title that a process gives itself later is not told. An empty command line is looked
// for again.
//
// Threads: of one thread.
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

  // Errors: as of ProcFiles::open.
  [[nodiscard]] static base::Result<std::unique_ptr<KernelSource>> open(
      std::unique_ptr<RowStream> stream, Options options);

  [[nodiscard]] std::string_view name() const override { return stream_->name(); }
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

 private:
  // A process of the last sample, and what its row does not say.
  struct Known {
    std::int32_t pid = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t exec_id = 0;
    std::string command;
  };
  struct Group {
    std::string path;
    // Read again from a process of the next sample: the first may just have been moved.
    bool is_certain = false;
    bool is_in_use = true;
  };

  KernelSource(std::unique_ptr<RowStream> stream, Options options, ProcFiles files)
      : stream_(std::move(stream)), options_(std::move(options)), files_(std::move(files)) {}

  base::Result<void> read_processes(Sample& sample);
  base::Result<void> read_command(const Row& row, Known& known);
  base::Result<void> find_group(const Row& row, std::string& path);
  // The text of a file of the process, when it is still the one that was recorded.
  base::Result<std::optional<std::string_view>> read_of(const Row& row, const char* file,
                                                        std::size_t bytes_max);

  std::unique_ptr<RowStream> stream_;
  const Options options_;
  ProcFiles files_;
  std::vector<Row> rows_;
  std::vector<Known> known_;                         // by pid, of the last sample
  std::vector<Known> found_;                         // of this one; kept for its memory
  std::unordered_map<std::uint64_t, Group> groups_;  // by cgroup_id
};

}  // namespace vigia
