#include "estadio/dedup/repeat_filter.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <span>

#include "estadio/contest/log_range.h"

namespace estadio {
namespace {

// Two spans decide what is forgotten. They are long enough for a judge whose clock is behind to
// send a record now and then, so that its records do not cause a read-back each.
constexpr std::chrono::minutes kSpan{1};
constexpr std::uint64_t kSpanRecordsMax = std::uint64_t{1} << 20;

}  // namespace

RepeatFilter::RepeatFilter(RetryRule rule, PartitionId partition, const Dependencies& deps)
    : rule_(rule),
      reach_(reach_minutes(rule)),
      partition_(partition),
      deps_(deps),
      seen_(deps.memory) {}

void RepeatFilter::restart(std::int64_t offset) {
  seen_.clear();
  // Before the first record there is nothing to read back.
  held_from_ = offset == 0 ? INT64_MIN : INT64_MAX;
  span_ = span_before_ = Span();
  span_began_ = deps_.clock.mono();
}

bool RepeatFilter::is_in_time(const base::Uuid& id, std::int64_t record_ms) const {
  const auto time_ms = id.time_ms();
  return !time_ms || rule_.in_log(record_ms).contains(*time_ms);
}

base::Result<RepeatFilter::Decision> RepeatFilter::decide(const Record& record,
                                                          const LoggedRecord& logged) {
  if (!record.is_id_given) return Decision::kCounts;
  if (!is_in_time(record.id, logged.time_ms)) return Decision::kNotInTime;
  span_.earliest_ms = std::min(span_.earliest_ms, logged.time_ms);
  ++span_.records;
  const Minute first = first_minute(logged.time_ms);
  if (first < held_from_) RETURN_IF_ERROR(read_back(first, logged.offset));
  ASSIGN_OR_RETURN(const bool is_new, add(record.id, logged.time_ms));
  return is_new ? Decision::kCounts : Decision::kRepeat;
}

base::Result<bool> RepeatFilter::add(const base::Uuid& id, std::int64_t record_ms) {
  if (const auto time_ms = id.time_ms()) return seen_.add(minute_of(*time_ms), id);
  const Minute minute = minute_of(record_ms);
  const bool is_repeat = seen_.contains(minute - reach_, minute + reach_, id);
  RETURN_IF_ERROR(seen_.add(minute, id));
  return !is_repeat;
}

base::Result<void> RepeatFilter::read_back(Minute first, std::int64_t end) {
  // An id of a minute may be in a record that is earlier than the minute: judges take ids that are
  // a little ahead of their clocks.
  const std::int64_t first_ms = first * kMinuteMs;
  const std::int64_t ahead_ms = rule_.in_log(0).newest_ms;
  ASSIGN_OR_RETURN(const std::int64_t begin,
                   deps_.events.offset_before(partition_, first_ms - ahead_ms));
  const auto take = [&](std::span<const LoggedRecord> records) -> base::Result<ReadOn> {
    for (const LoggedRecord& logged : records) {
      // The records behind it do not count, so none repeats them.
      if (RecordFormat::is_end_mark(logged.line)) return ReadOn::kStop;
      ASSIGN_OR_RETURN(const Record record, deps_.format.parse_logged(partition_, logged));
      if (!record.is_id_given || !is_in_time(record.id, logged.time_ms)) continue;
      const Minute minute = minute_of(record.id.time_ms().value_or(logged.time_ms));
      if (minute < first || minute >= held_from_) continue;
      RETURN_IF_ERROR(seen_.add(minute, record.id));
    }
    return ReadOn::kGoOn;
  };
  RETURN_IF_ERROR(read_range(deps_.events, {.partition = partition_, .from = begin, .until = end},
                             is_cancelled_, take));
  held_from_ = first;
  return {};
}

void RepeatFilter::forget_old() {
  const base::Nanos now = deps_.clock.mono();
  if (now - span_began_ < kSpan && span_.records < kSpanRecordsMax) return;
  const std::int64_t earliest_ms = std::min(span_.earliest_ms, span_before_.earliest_ms);
  span_before_ = span_;
  span_ = Span();
  span_began_ = now;
  if (earliest_ms == INT64_MAX) return;  // no record came with a client's id
  const Minute first = first_minute(earliest_ms);
  if (first <= held_from_) return;
  seen_.forget_before(first);
  held_from_ = first;
}

}  // namespace estadio
