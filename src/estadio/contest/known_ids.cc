#include "estadio/contest/known_ids.h"

namespace estadio {

void KnownIds::mark_known(const EntryBatch& batch, std::span<Verdict> verdicts,
                          std::int64_t now_ms) const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    verdicts[i].is_repeated = entry.is_id_given && ids_.holds(entry.id, now_ms);
  }
}

void KnownIds::settle_late(const EntryBatch& batch, std::span<Verdict> verdicts,
                           std::int64_t now_ms) const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    if (!entry.is_late) continue;
    verdicts[i].is_repeated = ids_.holds(entry.id, now_ms);
    verdicts[i].fate = verdicts[i].is_repeated ? Verdict::Fate::kKept : Verdict::Fate::kRefused;
  }
}

void KnownIds::add(const EntryBatch& batch, std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : batch.entries) {
    if (!entry.is_id_given || entry.is_late) continue;
    if (!ids_.holds(entry.id, now_ms)) ids_.see(entry.id, now_ms);
  }
}

void KnownIds::add(std::span<const base::Uuid> ids, std::int64_t time_ms) {
  const std::scoped_lock lock(mutex_);
  for (const base::Uuid& id : ids) {
    if (!ids_.holds(id, time_ms)) ids_.see(id, time_ms);
  }
}

}  // namespace estadio
