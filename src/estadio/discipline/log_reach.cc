#include "estadio/discipline/log_reach.h"

#include <algorithm>

namespace estadio {
namespace {

constexpr int kLooks = 10;  // halvings of the unknown range: 10 minutes become 0.6 s

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
  // As in RecentIds::window_ms(): the last quarter is for entries in flight.
  const auto enough = static_cast<std::int64_t>(recent_.capacity / 4 * 3);
  ASSIGN_OR_RETURN(const std::int64_t end, events_.end_offset(partition));
  const std::int64_t now_ms = clock_.wall_ms();
  std::int64_t fits = 0;
  std::int64_t reach = window_.configured_ms();
  if (end <= enough) return reach;
  std::int64_t too_far = reach + 1;
  for (int i = 0; i <= kLooks && fits < reach; ++i) {
    ASSIGN_OR_RETURN(const std::int64_t first, events_.offset_before(partition, now_ms - reach));
    (end - first <= enough ? fits : too_far) = reach;
    reach = fits + (too_far - fits) / 2;
  }
  return fits;
}

}  // namespace estadio
