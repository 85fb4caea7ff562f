// Keeps room ready ahead of the log's writer: the segment in use is filled with zeros some way
// ahead, and the next segment's file is made before it is needed.
//
// Writing over zeros that are already on disk changes no metadata, so that fdatasync waits for the
// data alone: measured, half the time of writing to a file that grows (docs/adr/0002).
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

class Runway {
 public:
  // How far ahead of the writer zeros are put, and in what steps.
  static constexpr std::size_t kAheadBytes = std::size_t{4} << 20;
  static constexpr std::size_t kStepBytes = std::size_t{256} << 10;

  // `folder` is the log's; a segment that was prepared but never used is made anew. `disk` and
  // `log` must outlive it.
  Runway(std::string folder, std::size_t segment_bytes, Disk& disk, base::Logger& log);
  ~Runway();

  // The writer uses the file, of `bytes` bytes with room reserved, of which the first `written`
  // hold data.
  void use(const std::string& path, std::size_t bytes, std::size_t written);
  // The writer is about to write up to `end`: after this returns no zeros are put before it.
  // Errors: that of putting zeros, once it was met: the file is not to be trusted any more.
  [[nodiscard]] base::Result<void> claim(std::size_t end);
  // Hands over the next segment's file, empty and with its room reserved, for the writer to write
  // its header and rename it from next_path().
  // Errors: kResourceExhausted when the disk is full.
  [[nodiscard]] base::Result<base::UniqueFd> take_next();
  [[nodiscard]] std::string next_path() const { return folder_ + "/next"; }

 private:
  enum class Next { kNone, kWanted, kMaking, kReady, kFailed };

  void run(const std::stop_token& stop);
  // Makes the file with its room reserved and its first steps zeroed. Takes no lock.
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
  // The file in use, opened anew: an error of the disk is told once to each opening, and the
  // writer must not miss its own.
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
