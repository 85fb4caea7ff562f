#include "estadio/contest/known_ids.h"

namespace estadio {

void KnownIds::compare(const EntryBatch& batch, const Entry& entry, Verdict& verdict,
                       std::int64_t now_ms) const {
  using Durability = Verdict::Durability;
  const EntryContent* known = ids_.find(entry.id, now_ms);
  if (known == nullptr) return;
  const auto difference = first_difference(*known, EntryContent::of(entry, batch.student(entry)));
  if (difference) {
    verdict.durability = Durability::kConflict;
    verdict.conflict = *difference;
    return;
  }
  verdict.is_repeated = true;
}

void KnownIds::mark_known(const EntryBatch& batch, std::span<Verdict> verdicts,
                          std::int64_t now_ms) const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    verdicts[i].is_repeated = false;
    if (entry.is_id_given) compare(batch, entry, verdicts[i], now_ms);
  }
}

void KnownIds::add(const EntryBatch& batch, std::span<const Verdict> verdicts,
                   std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    if (!entry.is_id_given) continue;
    // Any other durability says that the log did not get the entry.
    const Verdict::Durability durability = verdicts[i].durability;
    if (durability != Verdict::Durability::kOfBatch && durability != Verdict::Durability::kKept) {
      continue;
    }
    if (ids_.find(entry.id, now_ms) != nullptr) continue;
    ids_.see(entry.id, EntryContent::of(entry, batch.student(entry)), now_ms);
  }
}

void KnownIds::forget() {
  const std::scoped_lock lock(mutex_);
  ids_.clear();
}

}  // namespace estadio
