// Samples from a recording: a file with one sample per line (sample/sample_json.h), which a
// RecordingFile has written.
//
// A recorder that was killed may leave a last line without its end. If that is no sample, it is
// skipped without an error, and is_cut() is true.
//
// Bounds: one line is in memory, of at most kSampleBytesMax.
//
// Threads: belongs to one thread.
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

  // Samples keep the name of the source that they were recorded from, as "proc".
  [[nodiscard]] std::string_view name() const override { return "recording"; }

  // Reads the next sample. Errors: kUnavailable if there is none; those of next().
  [[nodiscard]] base::Result<void> read(Sample& sample) override;

  // Reads the next sample; returns false if there is none. Errors: those of SampleReader::read();
  // those of reading the file; kResourceExhausted if a line is too long. The message names the
  // file and the line.
  [[nodiscard]] base::Result<bool> next(Sample& sample);

  // Skips a line, whatever it holds; returns false if there is none.
  [[nodiscard]] base::Result<bool> skip();

  // Whether next() skipped a last line that is cut short.
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  RecordingSource(std::string path, base::UniqueFd fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  // Returns the next line without its end, within buffer_; nothing at the end of the file.
  base::Result<std::optional<std::string_view>> read_line();
  // Appends the next bytes of the file to buffer_; returns false if there are none.
  base::Result<bool> fill();
  [[nodiscard]] std::string place() const;

  const std::string path_;
  const base::UniqueFd fd_;
  SampleReader reader_;
  std::string buffer_;
  std::size_t at_ = 0;      // where the next line begins in buffer_
  std::int64_t lines_ = 0;  // read so far
  bool is_ended_ = false;   // whether the last line had its end
  bool is_cut_ = false;
};

}  // namespace vigia
