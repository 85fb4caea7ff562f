// Folding records into the deltas of one commit.
//
// Threads: none; belongs to a reader.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/recent_ids.h"
#include "estadio/contest/record.h"
#include "estadio/contest/score_book.h"

namespace estadio {

class Fold {
 public:
  Fold(const Contest& contest, PartitionId partition, RecentIds::Options recent);

  // Counts the records. Errors: kCorruption naming topic, partition and offset, when one is not a
  // result of this contest; nothing of that record and those after it is counted then.
  [[nodiscard]] base::Result<void> add(std::span<const LoggedRecord> records);

  // Remembers the ids that clients gave, without counting; `ids` is replaced by them.
  [[nodiscard]] base::Result<void> remember(std::span<const LoggedRecord> records,
                                            std::vector<base::Uuid>& ids);
  // The ids alone: nothing is remembered.
  [[nodiscard]] base::Result<void> given_ids(std::span<const LoggedRecord> records,
                                             std::vector<base::Uuid>& ids) const;

  // How many records were counted or found repeated since take().
  [[nodiscard]] std::int64_t pending() const { return counted_ + repeated_; }

  // The deltas since the last call of this; the caller fills in incarnation and offsets.
  [[nodiscard]] ScoreCommit take();

  [[nodiscard]] const RecentIds& recent() const { return recent_; }
  // Forgets the ids and what was not taken.
  void reset();

 private:
  base::Result<Record> parse(const LoggedRecord& record) const;

  const PartitionId partition_;
  const RecordFormat format_;
  const std::size_t disciplines_;
  RecentIds recent_;
  std::vector<std::int64_t> counts_;  // by faculty, then discipline
  std::int64_t counted_ = 0;
  std::int64_t repeated_ = 0;
};

}  // namespace estadio
