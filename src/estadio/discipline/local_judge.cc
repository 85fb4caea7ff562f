#include "estadio/discipline/local_judge.h"

#include <algorithm>

#include "base/check.h"

namespace estadio {

LocalJudge::LocalJudge(const Dependencies& deps)
    : deps_(deps), format_(deps.contest), records_(deps.events.partitions()) {}

void LocalJudge::judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) {
  CHECK(verdicts.size() == batch.entries.size());
  // One reading decides which entries are taken and is the records' time.
  const std::int64_t now_ms = deps_.clock.wall_ms();
  const bool has_given = std::ranges::any_of(batch.entries, &Entry::is_id_given);
  records_.clear();
  records_.time_ms = now_ms;
  if (has_given) deps_.known.mark_known(batch, verdicts, now_ms);
  if (!deps_.end.takes_new(now_ms)) {
    return answer_again(batch, verdicts, has_given, done);
  }
  if (!add_records(batch, verdicts, has_given)) return done({});
  append(batch, verdicts, has_given, std::move(done));
}

bool LocalJudge::add_records(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given) {
  const std::int64_t now_ms = records_.time_ms;
  const RetryRule::IdTimes id_times = deps_.retry.at_judge(now_ms);
  bool has_records = false;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    const Coin::Toss toss = deps_.coin.toss(entry.id);
    if (!has_given) verdicts[i].is_repeated = false;
    verdicts[i].outcome = toss.outcome;
    if (verdicts[i].is_repeated || verdicts[i].durability == Verdict::Durability::kConflict) {
      continue;
    }
    if (entry.is_id_given && !id_times.contains(entry.id.time_ms().value_or(now_ms))) {
      verdicts[i].durability = Verdict::Durability::kNotInTime;
      continue;
    }
    add_record(entry, batch.student(entry), toss);
    has_records = true;
  }
  return has_records;
}

void LocalJudge::add_record(const Entry& entry, std::string_view student, const Coin::Toss& toss) {
  RecordBatch::Part& part =
      records_.part({.topic = toss.outcome, .number = toss.partition(records_.partitions)});
  format_.append(part.lines, entry, student, toss.outcome);
  part.has_given_ids |= entry.is_id_given;
  ++part.count;
}

void LocalJudge::append(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given,
                        Done done) {
  if (!has_given && !deps_.end.needs_lease()) {
    return deps_.events.append(records_, std::move(done));
  }
  deps_.events.append(records_, [this, &batch, verdicts, has_given,
                                 done = std::move(done)](base::Result<void> appended) {
    // The records may be behind an end mark by now.
    if (appended && !deps_.end.may_acknowledge()) {
      appended = base::fail(base::Code::kDeadlineExceeded,
                            "the results may have come to the log after the contest's end");
    }
    if (appended && has_given) deps_.known.add(batch, verdicts, deps_.clock.wall_ms());
    done(std::move(appended));
  });
}

void LocalJudge::answer_again(const EntryBatch& batch, std::span<Verdict> verdicts, bool has_given,
                              const Done& done) const {
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    Verdict& verdict = verdicts[i];
    const Coin::Toss toss = deps_.coin.toss(entry.id);
    if (!has_given) verdict.is_repeated = false;
    verdict.outcome = toss.outcome;
    verdict.durability = durability_again(batch, entry, toss, verdict);
  }
  done(base::fail(why_nothing_new()));
}

Verdict::Durability LocalJudge::durability_again(const EntryBatch& batch, const Entry& entry,
                                                 const Coin::Toss& toss, Verdict& verdict) const {
  using Durability = Verdict::Durability;
  if (!entry.is_id_given) {
    return deps_.end.is_over(records_.time_ms) ? Durability::kOver : Durability::kRefused;
  }
  if (deps_.accepted.is_ready()) {
    // The log knows best: other judges may have logged the id before.
    verdict.is_repeated = false;
    const auto accepted = deps_.accepted.find(
        {.topic = toss.outcome, .number = toss.partition(records_.partitions)}, entry.id);
    if (!accepted) return Durability::kOver;
    const auto difference =
        first_difference(*accepted, EntryContent::of(entry, batch.student(entry)));
    if (difference) verdict.conflict = *difference;
    verdict.is_repeated = !difference;
    return difference ? Durability::kConflict : Durability::kKept;
  }
  if (verdict.durability == Durability::kConflict) return Durability::kConflict;
  return verdict.is_repeated ? Durability::kKept : Durability::kRefused;
}

base::Error LocalJudge::why_nothing_new() const {
  if (deps_.end.phase() == ContestPhase::kOpen && !deps_.end.may_acknowledge()) {
    return {base::Code::kUnavailable,
            "this judge does not hear whether the contest is over: send again later"};
  }
  return {base::Code::kUnavailable,
          "the contest is over, and which entries count is being settled: send again later"};
}

}  // namespace estadio
