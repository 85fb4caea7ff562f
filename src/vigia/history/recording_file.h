// A recording that is being written: a file with one sample per line (sample/sample_json.h). It
// holds whole lines only. If a line cannot be written whole, its part is cut off again.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vigia/sample/sample.h"

namespace vigia {

class RecordingFile {
 public:
  // The action of open() on an existing file.
  enum class Existing { kRefuse, kAppend };

  // Creates the file with mode 0600, as command lines may hold secrets, or opens it to append.
  // Takes a lock: one process at a time writes to a recording. Cuts off a last line that is cut
  // short, as a recorder that was killed may leave one. Errors: kAlreadyExists if the file exists
  // and `existing` refuses it, or if another process writes to it; kFailedPrecondition if it is not
  // a recording, or is a symbolic link; those of opening.
  [[nodiscard]] static base::Result<RecordingFile> open(const std::string& path, Existing existing);

  // Writes to standard output, which keeps the part of a line that cannot be written whole. On a
  // terminal, the lines are those of base::escape_for_terminal().
  [[nodiscard]] static RecordingFile standard_output();

  // Writes a line. Errors: kResourceExhausted if there is no room; those of writing.
  [[nodiscard]] base::Result<void> append(const Sample& sample);

  // Waits until a file is on disk. Does nothing for pipes and the like.
  [[nodiscard]] base::Result<void> sync();

  // The size of the file, or the bytes that went to standard output.
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  // The bytes that open() cut off.
  [[nodiscard]] std::int64_t bytes_cut() const { return bytes_cut_; }

 private:
  RecordingFile(std::string path, base::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  base::Result<void> go_to_end();
  [[nodiscard]] base::Failure failed(std::string_view doing) const;

  std::string path_;
  base::UniqueFd fd_;
  bool is_regular_ = false;
  bool is_terminal_ = false;
  std::int64_t bytes_ = 0;
  std::int64_t bytes_cut_ = 0;
};

}  // namespace vigia
