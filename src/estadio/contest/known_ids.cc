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
  if (entry.is_late) verdict.durability = Durability::kKept;
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

void KnownIds::settle_late(const EntryBatch& batch, std::span<Verdict> verdicts,
                           std::int64_t now_ms) const {
  using Durability = Verdict::Durability;
  const std::scoped_lock lock(mutex_);
  const std::int64_t reach_ms = knows_whole_log_ ? ids_.window_ms(now_ms, retention_ms_) : -1;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    Verdict& verdict = verdicts[i];
    if (!entry.is_late || verdict.durability != Durability::kOfBatch) continue;
    compare(batch, entry, verdict, now_ms);
    if (verdict.durability != Durability::kOfBatch) continue;
    // An id of version 7 holds the time when it was made. The first sending came later. Any other
    // id may be as old as the retention time.
    const std::int64_t age_ms = now_ms - entry.id.time_ms().value_or(now_ms - retention_ms_);
    verdict.durability = age_ms <= reach_ms ? Durability::kRefused : Durability::kUnknown;
  }
}

void KnownIds::add(const EntryBatch& batch, std::span<const Verdict> verdicts,
                   std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    if (!entry.is_id_given || entry.is_late) continue;
    if (verdicts[i].durability == Verdict::Durability::kNotInTime) continue;
    if (ids_.find(entry.id, now_ms) != nullptr) continue;
    ids_.see(entry.id, EntryContent::of(entry, batch.student(entry)), now_ms);
  }
}

void KnownIds::add(const base::Uuid& id, const EntryContent& content, std::int64_t time_ms) {
  const std::scoped_lock lock(mutex_);
  if (ids_.find(id, time_ms) == nullptr) ids_.see(id, content, time_ms);
}

}  // namespace estadio
