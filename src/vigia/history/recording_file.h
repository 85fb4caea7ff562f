// The file of a recording, while it is written: a sample a line (sample/sample_json.h), and only
// whole lines. What was written of a line that could not be written whole is cut off again.
//
// Threads: of one thread.
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
  // What to do where there is a file of that name.
  enum class Existing { kRefuse, kAppend };

  // Makes the file, for nobody else to read: it has what everybody's processes were called with.
  // Only one at a time may append to it; a last line that is cut short, as of one that was killed,
  // is cut off. Errors: kAlreadyExists; kFailedPrecondition, where it holds something else than a
  // recording; those of opening.
  [[nodiscard]] static base::Result<RecordingFile> open(const std::string& path, Existing existing);

  // Of standard output, which keeps a line that could not be written whole.
  [[nodiscard]] static RecordingFile standard_output();

  // Errors: kResourceExhausted, where there is no room; those of writing.
  [[nodiscard]] base::Result<void> append(const Sample& sample);

  // Waits until all of it is on disk, where it is a file.
  [[nodiscard]] base::Result<void> sync();

  // The size of the file, or what went to standard output.
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  // What open() cut off.
  [[nodiscard]] std::int64_t bytes_cut() const { return bytes_cut_; }

 private:
  RecordingFile(std::string path, base::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  base::Result<void> go_to_end();
  [[nodiscard]] base::Failure failed(std::string_view doing) const;

  std::string path_;
  base::UniqueFd fd_;
  bool is_regular_ = false;
  std::int64_t bytes_ = 0;
  std::int64_t bytes_cut_ = 0;
};

}  // namespace vigia
