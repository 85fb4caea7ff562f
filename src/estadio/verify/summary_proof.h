// The part of a proof that is about summaries. Makes the digests of a summary to export, and
// compares the log with an earlier summary.
//
// The caller reads one partition after the other: begin(), then each record in order.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/record.h"
#include "estadio/verify/contest_counts.h"
#include "estadio/verify/report.h"
#include "estadio/verify/summary.h"

namespace estadio {

class SummaryProof {
 public:
  // REQUIRES: all of these outlive the SummaryProof.
  struct Options {
    const Contest& contest;
    bool makes_digests = false;
    const Summary* against = nullptr;
    VerifyReport& report;      // gets `partitions` and `unchanged`
    Differences& differences;  // gets what the log and `against` do not have in common
  };

  explicit SummaryProof(const Options& options);

  // Begins a partition whose log ends at `end`. The score covers the records before
  // `counted_until`.
  void begin(PartitionId partition, std::int64_t counted_until, std::int64_t end);
  // Adds the partition's next record.
  void add(const LoggedRecord& logged);
  // Adds that the record at `offset` counts.
  void add_counted(const Record& record, std::int64_t offset);
  // Adds that the record at `offset` does not count, and why.
  void add_not_counted(std::int64_t NotCounted::* counter, std::int64_t offset);
  // Compares the counts. To be called after the last partition.
  void finish();

 private:
  // Takes the digest of the records before `next` where it is needed.
  void take_digest(std::int64_t next);

  const Options options_;
  // Both cover the records that `against` covers.
  ContestCounts counts_;
  NotCounted not_counted_;

  // The current partition.
  PartitionId partition_;
  std::int64_t counted_until_ = 0;
  const Summary::Partition* then_ = nullptr;  // in `against`
  std::unique_ptr<PartitionDigest> digest_;   // null when none is needed
};

}  // namespace estadio
