#include "estadio/discipline/local_judge.h"

#include <algorithm>

#include "base/check.h"

namespace estadio {

LocalJudge::LocalJudge(const Parts& parts)
    : parts_(parts), format_(parts.contest), records_(parts.events.partitions()) {}

void LocalJudge::judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) {
  CHECK(verdicts.size() == batch.entries.size());
  const bool has_given = std::ranges::any_of(batch.entries, &Entry::is_id_given);
  if (has_given) parts_.known.mark_known(batch, verdicts, parts_.clock.wall_ms());
  records_.clear();
  bool has_records = false;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    const Coin::Toss toss = parts_.coin.toss(entry.id);
    if (!has_given) verdicts[i].is_repeated = false;
    verdicts[i].outcome = toss.outcome;
    if (verdicts[i].is_repeated) continue;
    RecordBatch::Part& part =
        records_.part({.topic = toss.outcome, .number = toss.partition(records_.partitions)});
    format_.append(part.lines, entry, batch.student(entry), toss.outcome);
    ++part.count;
    has_records = true;
  }
  if (!has_records) return done({});
  if (!has_given) return parts_.events.append(records_, std::move(done));
  parts_.events.append(records_,
                       [this, &batch, done = std::move(done)](base::Result<void> appended) {
                         if (appended) parts_.known.add(batch, parts_.clock.wall_ms());
                         done(std::move(appended));
                       });
}

}  // namespace estadio
