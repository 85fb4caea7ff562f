// Decides which records of a partition count. The decision is a function of the log alone. So every
// reader decides alike, wherever it began:
//
//   - A record without a given id counts.
//   - A record whose given id has version 7 counts when it is in time (RetryRule::in_log()) and no
//     earlier in-time record of the partition has the same id.
//   - A record with a given id of another version counts unless an earlier record of the partition
//     has the same id, and the minutes of both differ by at most reach_minutes().
//
// The filter holds the ids that a record of about the present time can repeat. A record whose time
// is much earlier may repeat an id that is not held. Then the filter first reads the log back that
// far. It also reads back when the first record with a given id comes after restart(). A contest
// without given ids is never read back.
//
// Bound: that of IdMemory for ids in memory. Further ids are in files.
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
    const base::Clock& clock;  // decides when ids are forgotten, not which records count
  };

  RepeatFilter(RetryRule rule, PartitionId partition, const Dependencies& deps);

  // Forgets everything. The next call of decide() gets the record at `offset`.
  void restart(std::int64_t offset);

  // From now on a read-back ends with kCancelled once `is_cancelled` returns true.
  void set_cancellation(std::function<bool()> is_cancelled) {
    is_cancelled_ = std::move(is_cancelled);
  }

  // Decides on the next record. REQUIRES: the records come in the log's order, without a gap.
  // Errors: those of reading the log back, and of IdMemory::allocate(); kCancelled. After an error
  // only restart() may follow.
  [[nodiscard]] base::Result<Decision> decide(const Record& record, const LoggedRecord& logged);

  // Forgets the ids that no record of about the present time can repeat. Call this now and then.
  void forget_old();

  [[nodiscard]] std::size_t size() const { return seen_.size(); }  // as SeenIds::size()

  // Returns the window and two minutes, rounded up to minutes.
  [[nodiscard]] static Minute reach_minutes(RetryRule rule) {
    return (rule.retention_ms() + kMinuteMs - 1) / kMinuteMs;
  }

 private:
  // The records with given ids that came in about a minute of the monotonic clock.
  struct Span {
    std::int64_t earliest_ms = INT64_MAX;  // the earliest of their times
    std::uint64_t records = 0;
  };

  [[nodiscard]] bool is_in_time(const base::Uuid& id, std::int64_t record_ms) const;
  // Returns the first minute with ids that a record of this time can repeat.
  [[nodiscard]] Minute first_minute(std::int64_t record_ms) const {
    return minute_of(record_ms) - reach_;
  }
  // Adds the record's id. Returns false when the record is a repeat. REQUIRES: it is in time.
  [[nodiscard]] base::Result<bool> add(const base::Uuid& id, std::int64_t record_ms);
  // Reads the records before offset `end` back, as far as their ids can be of minute `first` or
  // later. Adds the ids of these minutes.
  [[nodiscard]] base::Result<void> read_back(Minute first, std::int64_t end);

  const RetryRule rule_;
  const Minute reach_;
  const PartitionId partition_;
  const Dependencies deps_;
  std::function<bool()> is_cancelled_;

  SeenIds seen_;
  // The records before the next one have ids of many minutes. The filter holds all of them from
  // this minute on.
  Minute held_from_ = INT64_MIN;
  Span span_;
  Span span_before_;
  base::Nanos span_began_{};
};

}  // namespace estadio
