// What a recording holds, as `vigia snapshot` shows it.
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
  bool is_cut = false;  // the recording's last line is cut short, and passed over
};

// Of the sample in line `at`, from 1, and the one before it; of the last two where `at` is 0. There
// are no rates where there is none before it. Errors: kNotFound, where there is no such sample;
// those of RecordingSource.
[[nodiscard]] base::Result<RecordedUsage> usage_of_recording(const std::string& path,
                                                             std::int64_t at);

}  // namespace vigia
