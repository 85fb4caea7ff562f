#include "estadio/log/segment_preallocator.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/files.h"

namespace estadio {

SegmentPreallocator::SegmentPreallocator(std::string folder, std::size_t segment_bytes, Disk& disk,
                                         base::Logger& log)
    : folder_(std::move(folder)),
      segment_bytes_(segment_bytes),
      disk_(disk),
      log_(log),
      zeros_(kStepBytes, '\0') {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SegmentPreallocator::~SegmentPreallocator() {
  thread_.request_stop();
  {
    // Between the thread's look at the stop request and its wait.
    const std::scoped_lock lock(mutex_);
  }
  changed_.notify_all();
}

void SegmentPreallocator::use(const std::string& path, std::size_t bytes, std::size_t written) {
  // Without it no zeros are put ahead; the room is reserved all the same.
  auto file = base::open_file(path);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_zeroing_; });
  file_ = file ? std::make_shared<base::UniqueFd>(*std::move(file)) : nullptr;
  bytes_ = bytes;
  claimed_ = written;
  zeroed_ = std::max(written, std::min(bytes, kAheadBytes));
  changed_.notify_all();
}

base::Result<void> SegmentPreallocator::claim(std::size_t end) {
  std::unique_lock lock(mutex_);
  claimed_ = end;
  // The zeros on their way are far ahead, but for a block as large as all that was ready.
  changed_.wait(lock, [this] { return !is_zeroing_ || claimed_ + kStepBytes <= zeroed_; });
  if (error_) return base::fail(*error_);
  const bool runs_short = file_ && zeroed_ < bytes_ && zeroed_ < claimed_ + kAheadBytes / 2;
  const bool needs_next = next_state_ == Next::kNone && claimed_ > bytes_ / 2;
  if (needs_next) next_state_ = Next::kWanted;
  if (runs_short || needs_next) changed_.notify_all();
  return {};
}

base::Result<base::UniqueFd> SegmentPreallocator::take_next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return next_state_ != Next::kMaking; });
  const bool is_ready = next_state_ == Next::kReady;
  next_state_ = Next::kNone;
  if (is_ready) return std::move(next_);
  lock.unlock();
  return make_next();
}

base::Result<base::UniqueFd> SegmentPreallocator::make_next() const {
  const std::string path = next_path();
  ASSIGN_OR_RETURN(base::UniqueFd fd, base::create_file(path, 0640, base::LeftOver::kRemove));
  const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(segment_bytes_));
  if (error != 0) {
    ::unlink(path.c_str());
    return base::fail(
        base::Error::from_errno("making room for a segment of the log in " + folder_, error));
  }
  const std::size_t ahead = std::min(segment_bytes_, kAheadBytes);
  for (std::size_t at = 0; at < ahead; at += kStepBytes) {
    const auto step = std::string_view(zeros_).substr(0, std::min(kStepBytes, ahead - at));
    RETURN_IF_ERROR(disk_.write(fd.get(), step, at, "writing " + path));
  }
  if (::fsync(fd.get()) != 0) return base::fail(base::Error::from_errno("writing " + path, errno));
  return fd;
}

// Puts the next zeros, without the lock: claim() keeps the writer out of them meanwhile.
void SegmentPreallocator::zero_step(std::unique_lock<std::mutex>& lock) {
  const std::size_t from = std::max(zeroed_, claimed_);
  const auto step = std::string_view(zeros_).substr(0, std::min(kStepBytes, bytes_ - from));
  const auto file = file_;  // the writer may move on meanwhile
  zeroed_ = from + step.size();
  is_zeroing_ = true;
  lock.unlock();
  const bool is_written =
      disk_.write(file->get(), step, from, "writing zeros ahead of the log").has_value();
  lock.lock();
  is_zeroing_ = false;
  changed_.notify_all();
  if (!is_written) {
    if (file == file_) zeroed_ = bytes_;  // the room is reserved all the same
    return;
  }
  lock.unlock();
  auto synced = disk_.sync(file->get(), "syncing the log ahead of its end");
  lock.lock();
  if (!synced && file == file_) error_ = std::move(synced).error();
}

void SegmentPreallocator::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (file_ && !error_ && std::max(zeroed_, claimed_) < bytes_ &&
        zeroed_ < claimed_ + kAheadBytes) {
      zero_step(lock);
    } else if (next_state_ == Next::kWanted) {
      next_state_ = Next::kMaking;
      lock.unlock();
      auto made = make_next();
      // The writer tries again itself when it gets there.
      if (!made) {
        log_.warning("the log's next segment cannot be prepared yet: it is made when it is needed",
                     {{"error", made.error()}});
      }
      lock.lock();
      next_state_ = made ? Next::kReady : Next::kFailed;
      if (made) next_ = *std::move(made);
      changed_.notify_all();
    } else {
      changed_.wait(lock);
    }
  }
}

}  // namespace estadio
