#include "estadio/discipline/log_reach.h"

#include <algorithm>

namespace estadio {
namespace {

constexpr int kLooksMax = 8;

}  // namespace

base::Result<void> LogReach::update() {
  std::size_t number = 0;
  for (const PartitionId partition : all_partitions(events_.partitions())) {
    ASSIGN_OR_RETURN(const std::int64_t reach, reach_ms(partition));
    window_.set(number++, reach);
  }
  return {};
}

base::Result<std::int64_t> LogReach::reach_ms(PartitionId partition) const {
  // As RecentIds::window_ms() has it: the last quarter is for entries on their way.
  const auto enough = static_cast<std::int64_t>(recent_.capacity / 4 * 3);
  ASSIGN_OR_RETURN(const std::int64_t end, events_.end_offset(partition));
  std::int64_t reach = window_.configured_ms();
  if (end <= enough) return reach;
  for (int i = 0; i < kLooksMax; ++i) {
    ASSIGN_OR_RETURN(const std::int64_t first,
                     events_.offset_before(partition, clock_.wall_ms() - reach));
    const std::int64_t records = end - first;
    if (records <= enough) return reach;
    // As if they had come evenly, and a little less, so that it comes to an end.
    reach = static_cast<std::int64_t>(static_cast<double>(reach) * 0.9 *
                                      static_cast<double>(enough) / static_cast<double>(records));
  }
  return 0;
}

}  // namespace estadio
