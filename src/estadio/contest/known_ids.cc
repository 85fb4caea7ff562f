#include "estadio/contest/known_ids.h"

namespace estadio {

void KnownIds::mark_known(const EntryBatch& batch, std::span<Verdict> verdicts,
                          std::int64_t now_ms) const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    verdicts[i].is_repeated = entry.is_id_given && ids_.holds(entry.id, now_ms);
    if (entry.is_late && verdicts[i].is_repeated) {
      verdicts[i].durability = Verdict::Durability::kKept;
    }
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
    verdict.is_repeated = ids_.holds(entry.id, now_ms);
    // An id of version 7 holds the time when it was made. The first sending came later. Any other
    // id may be as old as the retention time.
    const std::int64_t age_ms = now_ms - entry.id.time_ms().value_or(now_ms - retention_ms_);
    const Durability unless_known =
        age_ms <= reach_ms ? Durability::kRefused : Durability::kUnknown;
    verdict.durability = verdict.is_repeated ? Durability::kKept : unless_known;
  }
}

void KnownIds::add(const EntryBatch& batch, std::span<const Verdict> verdicts,
                   std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    if (!entry.is_id_given || entry.is_late) continue;
    if (verdicts[i].durability == Verdict::Durability::kNotInTime) continue;
    if (!ids_.holds(entry.id, now_ms)) ids_.see(entry.id, now_ms);
  }
}

void KnownIds::forget() {
  const std::scoped_lock lock(mutex_);
  knows_whole_log_ = false;
  ids_.clear();
}

void KnownIds::add(std::span<const base::Uuid> ids, std::int64_t time_ms) {
  const std::scoped_lock lock(mutex_);
  for (const base::Uuid& id : ids) {
    if (!ids_.holds(id, time_ms)) ids_.see(id, time_ms);
  }
}

}  // namespace estadio
