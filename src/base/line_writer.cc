#include "base/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

namespace base {
namespace {

constexpr std::size_t kKeptCapacity = std::size_t{16} * 1024;  // larger buffers are freed

// Returns the length of the lines at the front of `text` that fit in PIPE_BUF bytes, but at least
// the length of the first line.
std::size_t lines_of_one_write(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text.size();
  const auto last = text.rfind('\n', PIPE_BUF - 1);
  return (last != std::string_view::npos ? last : text.find('\n')) + 1;
}

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

// Blocks every signal for the threads that are started meanwhile. The writer's thread must not take
// a SIGTERM that the main thread waits for, nor die of SIGPIPE.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

struct LineWriter::State {
  enum class Phase {
    kRunning,
    kStopping,   // all is written: the thread ends
    kAbandoned,  // the writer is gone: the thread ends without another ::write()
  };

  State(int descriptor, LossNotice make_notice) : fd(descriptor), notice(std::move(make_notice)) {}

  [[nodiscard]] bool is_idle() const { return waiting.empty() && !is_writing; }

  void run();
  // Writes whole lines. Returns how many were lost. Call without the lock.
  std::uint64_t write_lines(std::string_view text);
  [[nodiscard]] bool is_abandoned() {
    const std::scoped_lock lock(mutex);
    return phase == Phase::kAbandoned;
  }

  const int fd;
  const LossNotice notice;

  std::mutex mutex;  // for all below
  std::condition_variable has_work;
  std::condition_variable is_done;
  Phase phase = Phase::kRunning;
  std::string waiting;
  bool is_writing = false;
  std::uint64_t lost = 0;
  std::uint64_t told = 0;  // of the lost lines
};

void LineWriter::State::run() {
  std::string batch;
  std::unique_lock lock(mutex);
  while (true) {
    has_work.wait(lock, [this] { return !waiting.empty() || phase != Phase::kRunning; });
    if (phase != Phase::kRunning) return;
    batch.swap(waiting);
    is_writing = true;
    lock.unlock();
    const std::uint64_t lost_now = write_lines(batch);
    batch.clear();
    if (batch.capacity() > kKeptCapacity) batch.shrink_to_fit();
    lock.lock();
    lost += lost_now;
    if (lost > told && phase == Phase::kRunning) {
      const std::uint64_t untold = lost - told;
      const std::string line = notice(untold);
      lock.unlock();
      const bool is_told = write_lines(line) == 0;
      lock.lock();
      if (is_told) told += untold;
    }
    is_writing = false;
    is_done.notify_all();
  }
}

std::uint64_t LineWriter::State::write_lines(std::string_view text) {
  std::uint64_t lost_now = 0;
  while (!text.empty()) {
    if (is_abandoned()) return lost_now + count_lines(text);
    const std::size_t size = lines_of_one_write(text);
    const auto count = ::write(fd, text.data(), size);
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {  // another process that shares the descriptor made it so
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      lost_now += count_lines(text.substr(0, size));
      text.remove_prefix(size);
    }
  }
  return lost_now;
}

LineWriter::LineWriter(int fd, LossNotice notice, std::chrono::nanoseconds patience)
    : state_(std::make_shared<State>(fd, std::move(notice))), patience_(patience) {
  const BlockedSignals blocked;
  thread_ = std::thread([state = state_] { state->run(); });
}

LineWriter::~LineWriter() {
  flush();
  bool is_idle = false;
  {
    const std::scoped_lock lock(state_->mutex);
    is_idle = state_->is_idle();
    state_->phase = is_idle ? State::Phase::kStopping : State::Phase::kAbandoned;
  }
  state_->has_work.notify_one();
  if (is_idle) {
    thread_.join();
  } else {
    thread_.detach();  // it may be inside ::write() for ever
  }
}

void LineWriter::write(std::string_view line) {
  {
    const std::scoped_lock lock(state_->mutex);
    if (state_->waiting.size() + line.size() > kQueueBytes) {
      ++state_->lost;
      return;
    }
    state_->waiting += line;
  }
  state_->has_work.notify_one();
}

bool LineWriter::flush() {
  std::unique_lock lock(state_->mutex);
  return state_->is_done.wait_for(lock, patience_, [this] { return state_->is_idle(); });
}

std::uint64_t LineWriter::lost_lines() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->lost;
}

}  // namespace base
