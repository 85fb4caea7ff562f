#include "estadio/dedup/seen_ids.h"

#include <algorithm>

namespace estadio {

base::Result<bool> SeenIds::add(Minute minute, const base::Uuid& id) {
  if (last_ == nullptr || last_minute_ != minute) {
    last_ = &minutes_.try_emplace(minute, memory_).first->second;
    last_minute_ = minute;
  }
  return last_->add(id);
}

bool SeenIds::contains(Minute first, Minute last, const base::Uuid& id) const {
  for (auto at = minutes_.lower_bound(first); at != minutes_.end() && at->first <= last; ++at) {
    if (at->second.contains(id)) return true;
  }
  return false;
}

void SeenIds::forget_before(Minute first) {
  minutes_.erase(minutes_.begin(), minutes_.lower_bound(first));
  last_ = nullptr;
}

std::size_t SeenIds::size() const {
  std::size_t size = 0;
  for (const auto& [minute, ids] : minutes_) size += ids.size();
  return size;
}

}  // namespace estadio
