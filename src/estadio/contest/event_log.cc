#include "estadio/contest/event_log.h"

#include <fmt/format.h>

namespace estadio {
namespace {

constexpr std::chrono::seconds kReadPatience{5};

}  // namespace

base::Error lost_end(PartitionId id, std::int64_t offset, std::int64_t end) {
  return {base::Code::kCorruption,
          fmt::format("{}-{} had a record at offset {} and ends at {}: the log has lost its end",
                      topic_name(id.topic), id.number, offset, end)};
}

base::Result<CopiedRecord> EventLog::read_again(PartitionId id, std::int64_t offset) {
  ASSIGN_OR_RETURN(const std::int64_t end, end_offset(id));
  if (offset >= end) return base::fail(lost_end(id, offset, end));
  ASSIGN_OR_RETURN(const auto reader, read_from(id, offset));
  std::vector<LoggedRecord> records;
  RETURN_IF_ERROR(reader->read(records, kReadPatience));
  if (records.empty()) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("{}-{}: the log does not return its record at offset {}",
                                  topic_name(id.topic), id.number, offset));
  }
  const LoggedRecord& first = records.front();
  return CopiedRecord{
      .offset = first.offset, .time_ms = first.time_ms, .line = std::string(first.line)};
}

}  // namespace estadio
