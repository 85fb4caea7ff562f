// The usage between two samples of a recording.
//
// Threads: functions.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "vigia/sample/usage.h"

namespace vigia {

struct RecordedUsage {
  Usage usage;
  bool is_cut = false;  // the last line of the recording is cut short, and was skipped
};

// The usage between the sample in line `at`, from 1, and the one before it. If `at` is 0, these are
// the last two. Without a sample before it there are no rates. Errors: kInvalidArgument if `path`
// is not a regular file; kNotFound if there is no such sample; those of RecordingSource.
[[nodiscard]] base::Result<RecordedUsage> usage_of_recording(const std::string& path,
                                                             std::int64_t at);

}  // namespace vigia
