#include "vigia/history/recorded_usage.h"

#include <sys/stat.h>

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "vigia/history/recording_source.h"

namespace vigia {
namespace {

// Skips the lines without reading them: a recording may be of days.
base::Result<std::int64_t> count_lines(const std::string& path) {
  ASSIGN_OR_RETURN(const auto source, RecordingSource::open(path));
  std::int64_t lines = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool is_there, source->skip());
    if (!is_there) return lines;
    ++lines;
  }
}

}  // namespace

base::Result<RecordedUsage> usage_of_recording(const std::string& path, std::int64_t at) {
  // The file is read twice.
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return base::fail(base::Code::kInvalidArgument,
                      path + " is not a regular file: write the recording to one first");
  }
  std::int64_t last = at;
  std::int64_t wanted = 2;
  if (at == 0) {
    ASSIGN_OR_RETURN(last, count_lines(path));
    wanted = 3;  // the last may be cut short
  }
  ASSIGN_OR_RETURN(const auto source, RecordingSource::open(path));
  std::int64_t line = 0;
  for (; line < last - wanted; ++line) {
    ASSIGN_OR_RETURN(const bool is_there, source->skip());
    if (!is_there) break;
  }
  Sample before;
  Sample after;
  std::int64_t samples = 0;
  for (; line < last; ++line) {
    Sample next;
    ASSIGN_OR_RETURN(const bool is_there, source->next(next));
    if (!is_there) break;
    before = std::exchange(after, std::move(next));
    ++samples;
  }
  const std::string cut = source->is_cut() ? ", and its last line is cut short" : "";
  if (samples == 0 && at == 0) {
    return base::fail(base::Code::kNotFound, fmt::format("{} holds no samples{}", path, cut));
  }
  if (at > 0 && line < at) {
    ASSIGN_OR_RETURN(const std::int64_t lines, count_lines(path));
    return base::fail(base::Code::kNotFound,
                      fmt::format("{} has no sample {}: it has {} lines{}", path, at, lines, cut));
  }
  return RecordedUsage{
      .usage = samples < 2 ? usage_of(std::move(after)) : usage_of(before, std::move(after)),
      .is_cut = source->is_cut()};
}

}  // namespace vigia
