#include "estadio/discipline/late_ids.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "estadio/contest/record.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};
constexpr std::int64_t kLookEveryMs = 200;
constexpr std::int64_t kRetryMs = 1000;

}  // namespace

LateIds::LateIds(const Dependencies& deps) : deps_(deps) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LateIds::run(const std::stop_token& stop) {
  const std::int64_t closes_at_ms = *deps_.contest.closes_at_ms();
  // Entries that another server accepted in time may reach the log until then.
  const std::int64_t settled_at_ms = closes_at_ms + deps_.settle_ms;
  const bool is_only_writer = deps_.settle_ms == 0;
  if (!is_only_writer && !wait_until(closes_at_ms, stop)) return;
  while (true) {
    const bool is_settled = is_only_writer || deps_.clock.wall_ms() >= settled_at_ms;
    if (auto read = read_back(stop); !read) {
      deps_.log.warning("cannot read back the accepted ids yet", {{"error", read.error()}});
      if (!wait_until(deps_.clock.wall_ms() + kRetryMs, stop)) return;
      continue;
    }
    if (stop.stop_requested()) return;
    if (is_settled) return deps_.known.set_knows_whole_log();
    if (!wait_until(settled_at_ms, stop)) return;
  }
}

bool LateIds::wait_until(std::int64_t wall_ms, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && deps_.clock.wall_ms() < wall_ms) {
    pause_.wait_for(lock, stop, std::chrono::milliseconds(kLookEveryMs), [] { return false; });
  }
  return !stop.stop_requested();
}

base::Result<void> LateIds::read_back(const std::stop_token& stop) {
  for (const PartitionId partition : all_partitions(deps_.events.partitions())) {
    RETURN_IF_ERROR(read_partition(partition, stop));
  }
  return {};
}

base::Result<void> LateIds::read_partition(PartitionId partition, const std::stop_token& stop) {
  const RecordFormat format(deps_.contest);
  ASSIGN_OR_RETURN(const std::int64_t end, deps_.events.end_offset(partition));
  ASSIGN_OR_RETURN(
      const std::int64_t first,
      deps_.events.offset_before(partition, *deps_.contest.closes_at_ms() - deps_.retention_ms));
  ASSIGN_OR_RETURN(const auto reader, deps_.events.read_from(partition, first));
  std::vector<LoggedRecord> records;
  while (reader->position() < end && !stop.stop_requested()) {
    RETURN_IF_ERROR(reader->read(records, kReadPatience));
    for (const LoggedRecord& logged : records) {
      const auto record = format.parse(logged.line);
      if (!record || !record->is_id_given) continue;
      deps_.known.add(record->id, *format.parse_content(logged.line), logged.time_ms);
    }
  }
  return {};
}

}  // namespace estadio
