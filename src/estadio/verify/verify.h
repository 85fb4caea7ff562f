// verify() proves that acks, log and score agree, and that every outcome is the coin's.
//
// The score is read first, with its positions. Then the log is counted again up to exactly those
// positions, by the tally's rule for repeats (RepeatFilter). So the proof also holds while entries
// come in. Results that the tally has yet to count are a lag, not a difference. The chain of these
// records must be the one that the score stores, so the score counted these records and no others.
//
// A summary of an earlier proof (VerifyInput::against) has digests of the records of that time. The
// log must still have these records, and they must give the same counts.
//
// Memory: that of Acks. The servers' ids of a partition, and its clients'
// ids of the retry window, are in IdMemory: about 28 bytes each, beyond its limit in files.
//
// Threads: verify() blocks and runs in its caller's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/contest/stored_book.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/verify/acks.h"
#include "estadio/verify/report.h"
#include "estadio/verify/summary.h"

namespace estadio {

struct VerifyInput {
  const Contest& contest;
  const Coin& coin;
  EventLog& events;
  const Score& score;  // read before the log was opened
  // Further sums that the book stores, read at the same moment. Null when there are none.
  const StoredValues* sums = nullptr;
  std::function<StoredValues(const Score&)> sums_of;  // what `sums` must be for a score
  // The offsets of the first end marks, as the control log has them, in the order of
  // all_partitions(). Nothing unless the control log says that the contest is closed.
  std::optional<std::vector<std::int64_t>> closed_offsets = std::nullopt;
  Acks* acks = nullptr;
  // True when the acks are those of all clients. Then a result without an ack is a difference.
  bool are_acks_complete = true;
  RetryRule retry;
  bool makes_digests = false;
  const Summary* against = nullptr;  // an earlier proof of the same contest
  IdMemory& memory;
  const base::Clock& clock;
  // How long the log may take to return a record that it has.
  std::chrono::nanoseconds read_patience = std::chrono::seconds(20);
  std::function<void(std::int64_t records)> on_progress;  // may be empty
};

// Compares acks, log, score and coin. Returns the differences in the report.
// Errors: kCorruption, which names the place, when the log is damaged; kUnavailable when the log
// does not answer.
[[nodiscard]] base::Result<VerifyReport> verify(const VerifyInput& input);

}  // namespace estadio
