// The acks file: one line of JSON for each entry that the server accepted. `estadio verify`
// compares it with the log and the score.
//
//   {"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner","faculty":"Letras","discipline":1}
//
// Faculty and discipline are those that were sent; one that was not is left out. An entry of a
// batch has no outcome: the answer to a batch has none for each entry.
//
// Threads: an AckFile may be shared; each thread has an AckWriter of its own.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace estadio::load {

class AckFile {
 public:
  // Makes the file, as base::open_output() does. Errors: kInvalidArgument, naming the file.
  [[nodiscard]] static base::Result<AckFile> create(const std::string& path);

  // Appends `lines`, which must be whole. Errors: the system's, naming the file.
  [[nodiscard]] base::Result<void> write(std::string_view lines);

 private:
  AckFile(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::UniqueFd fd_;
  std::string path_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // keeps lines whole
};

// Buffers lines and appends them to the file. add() flushes when the buffer is full, or when the
// last flush is kFlushEvery ago. So a generator that is killed loses few lines.
class AckWriter {
 public:
  // REQUIRES: `file` and `clock` outlive the writer.
  AckWriter(AckFile& file, const base::Clock& clock)
      : file_(file), clock_(clock), flushed_(clock.mono()) {
    lines_.reserve(kBufferBytes + kSpareBytes);
  }

  struct Ack {
    std::string_view id;
    std::string_view outcome;  // may be empty
    std::string_view facts;    // EntryFacts::facts
  };
  // Adds a line. Errors: those of AckFile::write().
  [[nodiscard]] base::Result<void> add(const Ack& ack);
  // Writes the buffered lines. Drops them on an error.
  [[nodiscard]] base::Result<void> flush();

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
  static constexpr std::size_t kSpareBytes = 256;  // a line
  static constexpr std::chrono::milliseconds kFlushEvery{200};

  AckFile& file_;
  const base::Clock& clock_;
  std::string lines_;
  base::Nanos flushed_;  // when the last flush was
};

}  // namespace estadio::load
