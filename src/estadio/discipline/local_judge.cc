#include "estadio/discipline/local_judge.h"

#include <algorithm>

#include "base/check.h"

namespace estadio {

LocalJudge::LocalJudge(const Dependencies& deps)
    : deps_(deps), format_(deps.contest), records_(deps.events.partitions()) {}

void LocalJudge::judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) {
  CHECK(verdicts.size() == batch.entries.size());
  // One reading decides which ids are taken and is the records' time.
  const std::int64_t now_ms = deps_.clock.wall_ms();
  const RetryRule::IdTimes id_times = deps_.retry.at_judge(now_ms);
  const bool has_given = std::ranges::any_of(batch.entries, &Entry::is_id_given);
  if (has_given) deps_.known.mark_known(batch, verdicts, now_ms);
  records_.clear();
  records_.time_ms = now_ms;
  bool has_records = false;
  bool has_late = false;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    const Coin::Toss toss = deps_.coin.toss(entry.id);
    if (!has_given) verdicts[i].is_repeated = false;
    verdicts[i].outcome = toss.outcome;
    if (verdicts[i].is_repeated || verdicts[i].durability == Verdict::Durability::kConflict) {
      continue;
    }
    if (entry.is_late) {
      CHECK(entry.is_id_given);
      has_late = true;
      continue;
    }
    if (entry.is_id_given && !id_times.contains(entry.id.time_ms().value_or(now_ms))) {
      verdicts[i].durability = Verdict::Durability::kNotInTime;
      continue;
    }
    add_record(entry, batch.student(entry), toss);
    has_records = true;
  }
  if (!has_records && !has_late) return done({});
  if (!has_given) return deps_.events.append(records_, std::move(done));
  // Append an empty batch too. The first sending of a late entry may still be in flight to the log,
  // and the log answers in order.
  deps_.events.append(records_, [this, &batch, verdicts, has_late,
                                 done = std::move(done)](base::Result<void> appended) {
    if (appended) {
      const std::int64_t added_ms = deps_.clock.wall_ms();
      deps_.known.add(batch, verdicts, added_ms);
      if (has_late) deps_.known.settle_late(batch, verdicts, added_ms);
    }
    done(std::move(appended));
  });
}

void LocalJudge::add_record(const Entry& entry, std::string_view student, const Coin::Toss& toss) {
  RecordBatch::Part& part =
      records_.part({.topic = toss.outcome, .number = toss.partition(records_.partitions)});
  format_.append(part.lines, entry, student, toss.outcome);
  part.has_given_ids |= entry.is_id_given;
  ++part.count;
}

}  // namespace estadio
