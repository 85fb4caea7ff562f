// Prepares the files ahead of the log's writer. It fills the segment in use with zeros some way
// ahead, and makes the next segment's file before the writer needs it.
//
// Overwriting zeros that are on disk changes no metadata, so fdatasync waits for the data alone.
// That takes half the time of writing to a file that grows (docs/adr/0002).
//
// Threads: one of its own; the methods are the writer's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/log/disk.h"

namespace estadio {

class SegmentPreallocator {
 public:
  // Zeros are written this far ahead of the writer, in steps of this size.
  static constexpr std::size_t kAheadBytes = std::size_t{4} << 20;
  static constexpr std::size_t kStepBytes = std::size_t{256} << 10;

  // `folder` is the log's. A segment that was prepared and never used is made again. `disk` and
  // `log` must outlive this.
  SegmentPreallocator(std::string folder, std::size_t segment_bytes, Disk& disk, base::Logger& log);
  ~SegmentPreallocator();

  // The writer now uses this file. It has `bytes` bytes reserved, and the first `written` hold
  // data.
  void use(const std::string& path, std::size_t bytes, std::size_t written);
  // The writer is about to write up to `end`. After this returns, no zeros are written before
  // `end`. Errors: the first failure to sync zeros; the file must not be trusted any more.
  [[nodiscard]] base::Result<void> claim(std::size_t end);
  // Returns the next segment's file, empty, with its bytes reserved. The writer writes its header
  // and renames it from next_path().
  // Errors: the system's; kResourceExhausted when the disk is full.
  [[nodiscard]] base::Result<base::UniqueFd> take_next();
  [[nodiscard]] std::string next_path() const { return folder_ + "/next"; }

 private:
  enum class Next { kNone, kWanted, kMaking, kReady, kFailed };

  void run(const std::stop_token& stop);
  // Makes the file, reserves its bytes and zeroes its first steps. Takes no lock.
  base::Result<base::UniqueFd> make_next() const;
  void zero_step(std::unique_lock<std::mutex>& lock);

  const std::string folder_;
  const std::size_t segment_bytes_;
  Disk& disk_;
  base::Logger& log_;
  const std::string zeros_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  // The file in use, opened a second time. Linux reports a disk error once for each open file. A
  // second open leaves the writer's report to the writer.
  std::shared_ptr<const base::UniqueFd> file_;
  std::size_t bytes_ = 0;    // of the file
  std::size_t claimed_ = 0;  // zeros go after this only
  std::size_t zeroed_ = 0;   // zeros are there, or on their way, up to here
  bool is_zeroing_ = false;  // the step before zeroed_ is being written
  std::optional<base::Error> error_;
  Next next_state_ = Next::kNone;
  base::UniqueFd next_;  // when kReady

  std::jthread thread_;
};

}  // namespace estadio
