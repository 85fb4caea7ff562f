#include "estadio/discipline/end_marks.h"

#include <chrono>

#include "base/check.h"
#include "estadio/contest/record.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};
constexpr int kReadAttemptsMax = 5;

// Returns the offset of the first mark from `from` on; nothing when there is none.
base::Result<std::optional<std::int64_t>> find_first_mark(
    EventLog& events, PartitionId partition, std::int64_t from,
    const std::function<bool()>& is_cancelled) {
  ASSIGN_OR_RETURN(const std::int64_t end, events.end_offset(partition));
  ASSIGN_OR_RETURN(const auto reader, events.read_from(partition, from));
  std::vector<LoggedRecord> records;
  int attempts = 0;
  while (reader->position() < end) {
    if (is_cancelled()) return base::fail(base::Code::kCancelled, "the process stops");
    RETURN_IF_ERROR(reader->read(records, kReadPatience));
    if (records.empty() && ++attempts == kReadAttemptsMax) {
      return base::fail(base::Code::kUnavailable, "the log does not return its records");
    }
    if (!records.empty()) attempts = 0;
    for (const LoggedRecord& logged : records) {
      if (RecordFormat::is_end_mark(logged.line)) return logged.offset;
    }
  }
  return std::nullopt;
}

}  // namespace

base::Result<std::optional<std::vector<std::int64_t>>> find_first_marks(
    EventLog& events, const std::vector<std::int64_t>& from,
    const std::function<bool()>& is_cancelled) {
  const auto partitions = all_partitions(events.partitions());
  CHECK(from.size() == partitions.size());
  std::vector<std::int64_t> marks;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    ASSIGN_OR_RETURN(const auto mark,
                     find_first_mark(events, partitions[i], from[i], is_cancelled));
    if (!mark) return std::nullopt;
    marks.push_back(*mark);
  }
  return marks;
}

base::Result<std::vector<std::int64_t>> ends_of(EventLog& events) {
  std::vector<std::int64_t> ends;
  for (const PartitionId partition : all_partitions(events.partitions())) {
    ASSIGN_OR_RETURN(const std::int64_t end, events.end_offset(partition));
    ends.push_back(end);
  }
  return ends;
}

}  // namespace estadio
