#include "estadio/discipline/end_marks.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "estadio/contest/log_range.h"
#include "estadio/contest/record.h"

namespace estadio {
namespace {

// Returns the offset of the first mark from `from` on; nothing when there is none.
base::Result<std::optional<std::int64_t>> find_first_mark(
    EventLog& events, PartitionId partition, std::int64_t from,
    const std::function<bool()>& is_cancelled) {
  ASSIGN_OR_RETURN(const std::int64_t end, events.end_offset(partition));
  std::optional<std::int64_t> mark;
  const auto take = [&](std::span<const LoggedRecord> records) -> base::Result<ReadOn> {
    const auto found =
        std::ranges::find_if(records, RecordFormat::is_end_mark, &LoggedRecord::line);
    if (found == records.end()) return ReadOn::kGoOn;
    mark = found->offset;
    return ReadOn::kStop;
  };
  RETURN_IF_ERROR(
      read_range(events, {.partition = partition, .from = from, .until = end}, is_cancelled, take));
  return mark;
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
