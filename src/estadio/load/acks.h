// The record of what the server accepted: one line of JSON for each entry, to be held against the
// log and the score afterwards.
//
//   {"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"winner"}
//   {"id":"01934f5a-7c00-7abc-8def-0123456789ab"}                     of a batch: its answer has
//                                                                     no outcome of each
//
// Threads: an AckFile may be shared; each thread has an AckWriter of its own.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace estadio::load {

class AckFile {
 public:
  // Makes the file, or empties it. Errors: kInvalidArgument, naming it.
  [[nodiscard]] static base::Result<AckFile> create(const std::string& path);

  // Adds whole lines. Errors: those of writing, naming the file.
  [[nodiscard]] base::Result<void> write(std::string_view lines);

 private:
  AckFile(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::UniqueFd fd_;
  std::string path_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // keeps lines whole
};

// Gathers lines and writes them many at a time, and whenever the next comes kFlushEvery later: a
// generator that is killed has lost little of its proof.
class AckWriter {
 public:
  // `file` must outlive the writer.
  explicit AckWriter(AckFile& file) : file_(file) { lines_.reserve(kBufferBytes + kSpareBytes); }

  // Errors: those of AckFile::write().
  [[nodiscard]] base::Result<void> add(std::string_view id, std::string_view outcome);
  [[nodiscard]] base::Result<void> add(std::string_view id);
  // Writes what was gathered.
  [[nodiscard]] base::Result<void> flush();

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
  static constexpr std::size_t kSpareBytes = 256;  // a line
  static constexpr std::chrono::milliseconds kFlushEvery{200};

  base::Result<void> end_line();

  AckFile& file_;
  std::string lines_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

}  // namespace estadio::load
