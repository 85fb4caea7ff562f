// Samples from a recording: a file with one a line (sample/sample_json.h), as RecordingFile writes
// it.
//
// A last line without its end that is no sample is one that was being written: it is no error, and
// is_cut() tells of it.
//
// Bounds: a line is held at a time, of kSampleBytesMax at most.
//
// Threads: of one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vigia/sample/sample_json.h"
#include "vigia/sample/source.h"

namespace vigia {

class RecordingSource final : public Source {
 public:
  // Errors: those of opening.
  [[nodiscard]] static base::Result<std::unique_ptr<RecordingSource>> open(const std::string& path);

  // Samples keep the name of the source that they were recorded from.
  [[nodiscard]] std::string_view name() const override { return "recording"; }

  // The next one. Errors: kUnavailable when there is none; those of next().
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

  // The same; false when there is none. Errors, naming file and line: those of SampleReader::read;
  // of reading the file; kResourceExhausted, of a line that is too long.
  [[nodiscard]] base::Result<bool> next(Sample& sample);

  // Passes over a line, whatever it holds; false when there is none.
  [[nodiscard]] base::Result<bool> skip();

  // Whether next() came to a last line that is cut short.
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  RecordingSource(std::string path, base::UniqueFd fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  // The next line, within buffer_, without its end; nothing at the end of the file.
  base::Result<std::optional<std::string_view>> read_line();
  // Adds what comes next in the file to buffer_; false when there is nothing.
  base::Result<bool> fill();
  [[nodiscard]] std::string place() const;

  const std::string path_;
  const base::UniqueFd fd_;
  SampleReader reader_;
  std::string buffer_;
  std::size_t at_ = 0;      // where the next line begins in buffer_
  std::int64_t lines_ = 0;  // that were read
  bool is_ended_ = false;   // whether the last of them had its end
  bool is_cut_ = false;
};

}  // namespace vigia
