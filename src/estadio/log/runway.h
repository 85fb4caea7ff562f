// Keeps room ready ahead of the log's writer: the segment in use is filled with zeros some way
// ahead, and the next segment's file is made before it is needed.
//
// Writing over zeros that are already on disk changes no metadata, so that fdatasync waits for the
// data alone: measured, half the time of writing to a file that grows (docs/performance.md).
//
// Threads: one of its own; claim() and take_next() are the writer's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace estadio {

class Runway {
 public:
  // How far ahead of the writer zeros are put, and in what steps.
  static constexpr std::size_t kAheadBytes = std::size_t{4} << 20;
  static constexpr std::size_t kStepBytes = std::size_t{256} << 10;

  // `folder` is the log's; a segment that was prepared but never used is made anew.
  Runway(std::string folder, std::size_t segment_bytes, base::Logger& log);
  ~Runway();

  // The writer uses `fd`, of which the first `written` bytes hold data.
  void use(int fd, std::size_t written);
  // The writer is about to write up to `end`: after this returns no zeros are put before it.
  void claim(std::size_t end);
  // Hands over the next segment's file, empty and with its room reserved, for the writer to write
  // its header and rename it from next_path(). The file in use may be closed afterwards.
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
  base::Logger& log_;
  const std::string zeros_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  int fd_ = -1;              // the file in use
  std::size_t claimed_ = 0;  // zeros go after this only
  std::size_t zeroed_ = 0;   // zeros are on their way up to here
  Next next_state_ = Next::kNone;
  base::UniqueFd next_;  // when kReady

  std::jthread thread_;
};

}  // namespace estadio
