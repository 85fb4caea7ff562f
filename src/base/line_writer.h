// Writes lines to a file descriptor in a thread of its own, so that the callers never wait for it.
// The descriptor may be a file, a pipe, a socket or a terminal. It may be closed.
//
//   write() -> [waiting: kQueueBytes] -> the thread -> ::write()
//
// When nobody reads, the queue fills up. Then further lines are dropped and counted. Once the
// descriptor takes bytes again, one line tells how many lines were lost. A line that ::write()
// refuses is lost too. Lines leave whole: many that fit in PIPE_BUF bytes leave in one ::write(),
// which a pipe does not mix with the bytes of other processes.
//
// The descriptor stays blocking, because O_NONBLOCK would also change it for the processes that
// share it. So the thread may be inside ::write() when the writer is destroyed. The destructor
// waits for it a while, then leaves it behind. The thread writes nothing more after that ::write().
//
// Threads: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace base {

class LineWriter {
 public:
  // Bytes of lines that wait. As many more are being written at most.
  static constexpr std::size_t kQueueBytes = std::size_t{1} << 20;
  // How long flush() and the destructor wait.
  static constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(2);

  // Returns the line that tells about `count` lost lines. The writer's thread calls it.
  using LossNotice = std::function<std::string(std::uint64_t count)>;

  // REQUIRES: `fd` and what `notice` uses outlive the writer.
  LineWriter(int fd, LossNotice notice, std::chrono::nanoseconds patience = kPatience);
  // Waits at most `patience` until the lines are written.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Adds a line to the queue, or drops it when the queue is full. REQUIRES: it ends in '\n'.
  void write(std::string_view line);
  // Waits at most `patience` until the lines are written. Returns false when some are not.
  bool flush();
  // Lines dropped or refused by the system.
  [[nodiscard]] std::uint64_t lost_lines() const;

 private:
  struct State;

  // Shared with the thread, which may outlive the writer.
  const std::shared_ptr<State> state_;
  const std::chrono::nanoseconds patience_;
  std::thread thread_;
};

}  // namespace base
