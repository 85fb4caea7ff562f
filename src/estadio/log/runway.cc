#include "estadio/log/runway.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace estadio {

Runway::Runway(std::string folder, std::size_t segment_bytes, base::Logger& log)
    : folder_(std::move(folder)),
      segment_bytes_(segment_bytes),
      log_(log),
      zeros_(kStepBytes, '\0') {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Runway::~Runway() {
  thread_.request_stop();
  {
    // Between the thread's look at the stop request and its wait.
    const std::scoped_lock lock(mutex_);
  }
  changed_.notify_all();
}

void Runway::use(int fd, std::size_t written) {
  const std::scoped_lock lock(mutex_);
  fd_ = fd;
  claimed_ = written;
  zeroed_ = std::max(written, std::min(segment_bytes_, kAheadBytes));
  changed_.notify_all();
}

void Runway::claim(std::size_t end) {
  const std::scoped_lock lock(mutex_);
  claimed_ = end;
  const bool runs_short = zeroed_ < segment_bytes_ && zeroed_ < claimed_ + kAheadBytes / 2;
  const bool needs_next = next_state_ == Next::kNone && claimed_ > segment_bytes_ / 2;
  if (needs_next) next_state_ = Next::kWanted;
  if (runs_short || needs_next) changed_.notify_all();
}

base::Result<base::UniqueFd> Runway::take_next() {
  std::unique_lock lock(mutex_);
  fd_ = -1;
  changed_.wait(lock, [this] { return next_state_ != Next::kMaking; });
  const bool is_ready = next_state_ == Next::kReady;
  next_state_ = Next::kNone;
  if (is_ready) return std::move(next_);
  return make_next();
}

base::Result<base::UniqueFd> Runway::make_next() const {
  const std::string path = next_path();
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return base::fail(base::Error::from_errno("making " + path, errno));
  const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(segment_bytes_));
  if (error != 0) {
    ::unlink(path.c_str());
    return base::fail(
        base::Error::from_errno("making room for a segment of the log in " + folder_, error));
  }
  const std::size_t ahead = std::min(segment_bytes_, kAheadBytes);
  for (std::size_t at = 0; at < ahead; at += kStepBytes) {
    if (::pwrite(fd.get(), zeros_.data(), std::min(kStepBytes, ahead - at),
                 static_cast<off_t>(at)) < 0) {
      return base::fail(base::Error::from_errno("writing " + path, errno));
    }
  }
  if (::fsync(fd.get()) != 0) return base::fail(base::Error::from_errno("writing " + path, errno));
  return fd;
}

void Runway::zero_step(std::unique_lock<std::mutex>& lock) {
  const std::size_t from = std::max(zeroed_, claimed_);
  const std::size_t size = std::min(kStepBytes, segment_bytes_ - std::min(segment_bytes_, from));
  // The lock keeps the writer from claiming what is being zeroed.
  if (size == 0 || ::pwrite(fd_, zeros_.data(), size, static_cast<off_t>(from)) < 0) {
    zeroed_ = segment_bytes_;  // the room is reserved all the same
    return;
  }
  zeroed_ = from + size;
  const base::UniqueFd synced(::dup(fd_));  // the writer may move on meanwhile
  lock.unlock();
  ::fdatasync(synced.get());
  lock.lock();
}

void Runway::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (fd_ >= 0 && zeroed_ < segment_bytes_ && zeroed_ < claimed_ + kAheadBytes) {
      zero_step(lock);
    } else if (next_state_ == Next::kWanted) {
      next_state_ = Next::kMaking;
      lock.unlock();
      auto made = make_next();
      // The writer tries again itself when it gets there.
      if (!made) {
        log_.warning("cannot prepare the log's next segment yet", {{"error", made.error()}});
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
