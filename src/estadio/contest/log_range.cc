#include "estadio/contest/log_range.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace estadio {
namespace {

// A read waits for a second, so that a cancellation is noticed.
constexpr std::chrono::milliseconds kReadPatience{1000};
constexpr int kReadAttemptsMax = 5;

}  // namespace

base::Result<void> read_range(EventLog& events, const LogRange& range,
                              const std::function<bool()>& is_cancelled, const TakeRecords& take) {
  if (range.from >= range.until) return {};
  ASSIGN_OR_RETURN(const auto reader, events.read_from(range.partition, range.from));
  std::vector<LoggedRecord> records;
  int attempts = 0;
  while (reader->position() < range.until) {
    if (is_cancelled && is_cancelled()) {
      return base::fail(base::Code::kCancelled, "reading the log was stopped");
    }
    RETURN_IF_ERROR(reader->read(records, kReadPatience));
    if (records.empty()) {
      if (++attempts < kReadAttemptsMax) continue;
      return base::fail(base::Code::kUnavailable, "the log does not return its records");
    }
    attempts = 0;
    const auto end = std::ranges::lower_bound(records, range.until, {}, &LoggedRecord::offset);
    ASSIGN_OR_RETURN(const ReadOn read_on, take({records.begin(), end}));
    if (read_on == ReadOn::kStop) return {};
  }
  return {};
}

}  // namespace estadio
