// Writes lines to a file descriptor in a thread of its own, so that the callers never wait for it.
// The descriptor may be a file, a pipe, a socket or a terminal. If it is closed, lines are lost.
//
//   write() -> [waiting: kQueueBytes] -> the thread -> ::write()
//
// When no process reads, the queue fills up. Then further lines are dropped and counted. Lines that
// ::write() refuses are lost too. Once the descriptor takes bytes again, one line says how many
// lines were lost.
//
// Each ::write() gets whole lines: as many as fit in PIPE_BUF bytes, or a single longer line. A
// pipe does not mix a write of at most PIPE_BUF bytes with the bytes of other processes.
//
// The descriptor stays blocking, because O_NONBLOCK would also change it for the processes that
// share it. So the thread may be inside ::write() when the writer is destroyed. The destructor
// waits at most `patience` for the thread, and then detaches it. A detached thread ends after its
// ::write() and writes nothing more.
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
  // The most bytes of lines that wait. Up to as many more are being written.
  static constexpr std::size_t kQueueBytes = std::size_t{1} << 20;
  // How long flush() and the destructor wait at most, by default.
  static constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(2);

  // Returns the line that reports `count` lost lines. The writer's thread calls it.
  using LossNotice = std::function<std::string(std::uint64_t count)>;

  // REQUIRES: `fd` and what `notice` uses outlive the writer.
  LineWriter(int fd, LossNotice notice, std::chrono::nanoseconds patience = kPatience);
  // Waits at most `patience` until no line waits any more.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Adds a line to the queue, or drops it when the queue is full. REQUIRES: it ends in '\n'.
  void write(std::string_view line);
  // Waits at most `patience` until no line waits any more. Returns false when some still wait.
  bool flush();
  // Returns how many lines were dropped, or refused by ::write().
  [[nodiscard]] std::uint64_t lost_lines() const;

 private:
  struct State;

  // Shared with the thread, which may outlive the writer.
  const std::shared_ptr<State> state_;
  const std::chrono::nanoseconds patience_;
  std::thread thread_;
};

}  // namespace base
