// Decides which records of a partition count. The decision is a function of the log alone, so that
// every reader decides alike, wherever it began:
//
//   - A record without a client's id counts.
//   - A record whose id has version 7 counts when the id is in time (RetryRule::in_log()) and no
//     earlier record of the partition has the same id in time.
//   - A record with another id counts unless an earlier record of the partition has the same id,
//     and their minutes differ by at most reach_minutes(): the window and two minutes.
//
// The filter holds the ids that a record of about the present time can repeat. A record whose time
// is much earlier may repeat an id that is not held: then the filter first reads back that far. It
// also reads back after restart(), when the first record with a client's id comes. A contest
// without such ids is never read back.
//
// Bound: IdMemory's, beyond which the ids are in files.
//
// Threads: a RepeatFilter belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/dedup/seen_ids.h"

namespace estadio {

class RepeatFilter {
 public:
  enum class Decision : std::uint8_t { kCounts, kRepeat, kNotInTime };

  // REQUIRES: all of these outlive the filter.
  struct Dependencies {
    EventLog& events;
    const RecordFormat& format;
    IdMemory& memory;
    const base::Clock& clock;  // decides only when ids are forgotten
  };

  RepeatFilter(RetryRule rule, PartitionId partition, const Dependencies& deps);

  // Forgets everything. The next record is that of `offset`.
  void restart(std::int64_t offset);

  // From now on a read-back ends with kCancelled when `is_cancelled` returns true.
  void set_cancellation(std::function<bool()> is_cancelled) {
    is_cancelled_ = std::move(is_cancelled);
  }

  // Decides on the next record. REQUIRES: the records come in the log's order, without a gap.
  // Errors: those of reading the log back, and of IdMemory::allocate(); kCancelled. After an error
  // only restart() may follow.
  [[nodiscard]] base::Result<Decision> decide(const Record& record, const LoggedRecord& logged);

  // Forgets the ids that no record of about the present time can repeat. Call this now and then.
  void forget_old();

  [[nodiscard]] std::size_t size() const { return seen_.size(); }  // ids held

  // Rounded up.
  [[nodiscard]] static Minute reach_minutes(RetryRule rule) {
    return (-rule.in_log(0).oldest_ms + kMinuteMs - 1) / kMinuteMs;
  }

 private:
  // The earliest time of the records that came in a span of the monotonic clock.
  struct Span {
    std::int64_t earliest_ms = INT64_MAX;
    std::uint64_t records = 0;  // with clients' ids
  };

  [[nodiscard]] bool is_in_time(const base::Uuid& id, std::int64_t record_ms) const;
  // The first minute with ids that a record of this time can repeat.
  [[nodiscard]] Minute first_minute(std::int64_t record_ms) const {
    return minute_of(record_ms) - reach_;
  }
  // Adds the record's id. Returns false when the record is a repeat. REQUIRES: it is in time.
  [[nodiscard]] base::Result<bool> add(const base::Uuid& id, std::int64_t record_ms);
  // Reads the records before `end` whose ids may be of `first` or later, and holds these ids.
  [[nodiscard]] base::Result<void> read_back(Minute first, std::int64_t end);

  const RetryRule rule_;
  const Minute reach_;
  const PartitionId partition_;
  const Dependencies deps_;
  std::function<bool()> is_cancelled_;

  SeenIds seen_;
  // All ids of this minute and later ones are held that records before the next one have.
  Minute held_from_ = INT64_MIN;
  Span span_;
  Span span_before_;
  base::Nanos span_began_{};
};

}  // namespace estadio
