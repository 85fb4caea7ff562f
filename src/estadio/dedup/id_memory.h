// Memory for the ids of the retry window. Up to a limit it is memory of this process. Beyond the
// limit it is in files of a folder. The files have no names, so nothing is left of them when the
// process ends. On a file system that cannot make such a file, it loses its name at once.
//
// A region in a file is mapped memory. The system keeps the pages in use in its page cache.
//
// Threads: an IdMemory may be used from any thread. A Region belongs to one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "base/metrics_writer.h"
#include "base/result.h"

namespace estadio {

class IdMemory {
 public:
  struct Options {
    std::size_t bytes_max = std::size_t{64} << 20;  // of the process's memory, for all regions
    std::string folder;                             // for the files
    const char* folder_setting = nullptr;           // errors name the setting by it, if given
  };

  struct Stats {
    std::size_t memory_bytes = 0;
    std::size_t file_bytes = 0;
  };

  // Memory that is zero at first. The destructor gives it back.
  class Region {
   public:
    Region() = default;
    Region(Region&& other) noexcept { swap(other); }
    Region& operator=(Region&& other) noexcept {
      Region(std::move(other)).swap(*this);
      return *this;
    }
    ~Region();

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    friend class IdMemory;
    Region(void* data, std::size_t bytes, std::atomic<std::size_t>& used)
        : data_(data), bytes_(bytes), used_(&used) {}
    void swap(Region& other) noexcept {
      std::swap(data_, other.data_);
      std::swap(bytes_, other.bytes_);
      std::swap(used_, other.used_);
    }

    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    std::atomic<std::size_t>* used_ = nullptr;  // the count that includes bytes_
  };

  explicit IdMemory(Options options) : options_(std::move(options)) {}

  // Returns a region. REQUIRES: this outlives the region. Errors: kResourceExhausted when the disk
  // has no room; the system's. Errors about a file name the folder and its setting.
  [[nodiscard]] base::Result<Region> allocate(std::size_t bytes);

  [[nodiscard]] Stats stats() const { return {.memory_bytes = memory_, .file_bytes = files_}; }

 private:
  base::Result<Region> allocate_in_file(std::size_t bytes);

  const Options options_;
  std::atomic<std::size_t> memory_{0};
  std::atomic<std::size_t> files_{0};
};

void write_metrics(base::MetricsWriter& metrics, const IdMemory::Stats& stats);

}  // namespace estadio
