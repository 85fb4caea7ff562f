// Folds records into the deltas of one commit. The first end mark and all records behind it count
// as after_end, whatever they say.
//
// Threads: a Fold belongs to one reader.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"
#include "estadio/contest/score_book.h"
#include "estadio/dedup/repeat_filter.h"

namespace estadio {

class Fold {
 public:
  // REQUIRES: `format` and `filter` outlive the fold.
  Fold(const Contest& contest, PartitionId partition, const RecordFormat& format,
       RepeatFilter& filter);

  // Takes the partition's next records.
  // Errors: those of RecordFormat::parse_logged() and RepeatFilter::decide(). The failed record and
  // those after it are not taken. Only reset() may follow.
  [[nodiscard]] base::Result<void> add(std::span<const LoggedRecord> records);

  // Returns how many records were taken since the last take().
  [[nodiscard]] std::int64_t pending() const { return pending_; }

  // Returns the deltas since the last call. The caller fills in the states.
  [[nodiscard]] ScoreCommit take();

  // Returns the offset of the first end mark; nothing until it is taken.
  [[nodiscard]] std::optional<std::int64_t> end_mark() const { return end_mark_; }

  // Forgets the deltas since the last take(). `end_mark` is the first end mark before the next
  // record, if there is one.
  void reset(std::optional<std::int64_t> end_mark = std::nullopt);

 private:
  const PartitionId partition_;
  const RecordFormat& format_;
  RepeatFilter& filter_;
  const std::size_t disciplines_;
  std::vector<std::int64_t> counts_;  // by faculty, then discipline
  std::int64_t pending_ = 0;
  NotCounted not_counted_;
  std::optional<std::int64_t> end_mark_;
};

}  // namespace estadio
