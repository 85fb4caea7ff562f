#include "estadio/contest/recent_ids.h"

#include <algorithm>

#include "base/secret_hash.h"

namespace estadio {
namespace {

constexpr std::size_t kFirstSize = 1024;

}  // namespace

RecentIds::RecentIds(Options options) : options_(options) {}

void RecentIds::clear() {
  first_ = next_;
  marks_.clear();
  std::ranges::fill(table_, kEmpty);
}

std::size_t RecentIds::home(const base::Uuid& id) const {
  return static_cast<std::size_t>(base::secret_hash(id)) & (table_.size() - 1);
}

std::uint64_t RecentIds::place_in(std::size_t slot) const {
  return first_ + ((table_[slot] - 1 - first_) & kPlaceMask);
}

std::size_t RecentIds::slot_of(const base::Uuid& id) const {
  std::size_t slot = home(id);
  while (table_[slot] != kEmpty && at(place_in(slot)).id != id) {
    slot = (slot + 1) & (table_.size() - 1);
  }
  return slot;
}

std::int64_t RecentIds::time_of(std::uint64_t place) const {
  const auto after = std::ranges::upper_bound(marks_, place, {}, &Mark::from);
  return after == marks_.begin() ? INT64_MIN : std::prev(after)->time_ms;
}

const EntryContent* RecentIds::find(const base::Uuid& id, std::int64_t time_ms) const {
  if (table_.empty()) return nullptr;
  const std::size_t slot = slot_of(id);
  if (table_[slot] == kEmpty) return nullptr;
  const std::uint64_t place = place_in(slot);
  return time_of(place) >= time_ms - options_.retention_ms ? &at(place).content : nullptr;
}

bool RecentIds::see(const base::Uuid& id, const EntryContent& content, std::int64_t time_ms) {
  while (size() > 0 && time_of(first_) < time_ms - options_.retention_ms) evict_oldest();
  const bool is_repeat = !table_.empty() && table_[slot_of(id)] != kEmpty;
  if (size() == options_.capacity) evict_oldest();
  if (size() == ring_.size()) grow();
  const std::int64_t mark_ms = time_ms / kMarkMs * kMarkMs;
  if (marks_.empty() || mark_ms > marks_.back().time_ms) {
    marks_.push_back({.from = next_, .time_ms = mark_ms});
  }
  at(next_) = {.id = id, .content = content};
  table_[slot_of(id)] = code_of(next_);
  ++next_;
  return is_repeat;
}

void RecentIds::evict_oldest() {
  const std::size_t slot = slot_of(at(first_).id);
  // A later occurrence of the same id keeps its slot.
  if (table_[slot] != kEmpty && place_in(slot) == first_) erase_slot(slot);
  ++first_;
  while (marks_.size() > 1 && marks_[1].from <= first_) marks_.pop_front();
}

// Knuth's algorithm R (TAOCP 6.4) moves later entries of the run back over the gap.
void RecentIds::erase_slot(std::size_t slot) {
  const std::size_t mask = table_.size() - 1;
  std::size_t next = slot;
  while (true) {
    table_[slot] = kEmpty;
    while (true) {
      next = (next + 1) & mask;
      if (table_[next] == kEmpty) return;
      const std::size_t wanted = home(at(place_in(next)).id);
      if (((next - wanted) & mask) >= ((next - slot) & mask)) break;
    }
    table_[slot] = table_[next];
    slot = next;
  }
}

void RecentIds::grow() {
  const std::size_t size_new = ring_.empty() ? kFirstSize : ring_.size() * 2;
  std::vector<Seen> ring(size_new);
  for (std::uint64_t place = first_; place < next_; ++place) {
    ring[place & (size_new - 1)] = at(place);
  }
  ring_ = std::move(ring);
  table_.assign(size_new * 2, kEmpty);
  for (std::uint64_t place = first_; place < next_; ++place) {
    table_[slot_of(at(place).id)] = code_of(place);
  }
}

}  // namespace estadio
