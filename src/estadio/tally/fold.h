// Folds records into the deltas of one commit.
//
// Threads: a Fold belongs to one reader.
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

  // Counts the records.
  // Errors: kCorruption when a record is not a result of this contest. It names topic, partition
  // and offset. That record and those after it are not counted.
  [[nodiscard]] base::Result<void> add(std::span<const LoggedRecord> records);

  // Remembers the records' given ids without counting. Replaces `ids` with them. Errors: as add().
  [[nodiscard]] base::Result<void> remember(std::span<const LoggedRecord> records,
                                            std::vector<base::Uuid>& ids);
  // Replaces `ids` with the records' given ids. Remembers nothing. Errors: as add().
  [[nodiscard]] base::Result<void> given_ids(std::span<const LoggedRecord> records,
                                             std::vector<base::Uuid>& ids) const;

  // Returns how many records were counted or were repeats since the last take().
  [[nodiscard]] std::int64_t pending() const { return counted_ + repeated_; }

  // Returns the deltas since the last call. The caller fills in incarnation and offsets.
  [[nodiscard]] ScoreCommit take();

  [[nodiscard]] const RecentIds& recent() const { return recent_; }
  // Forgets all ids and the deltas since the last take().
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
