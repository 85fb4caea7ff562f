// Facts of a running contest beside its score: its start, the commitment, the retry window and the
// ends of the partitions. A process without coin and log gets them from processes that have both.
//
// Threads: values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "estadio/contest/event_log.h"
#include "estadio/contest/manifest.h"
#include "estadio/contest/score_book.h"

namespace estadio {

struct ContestFacts {
  // A partition's end, as last known.
  struct End {
    PartitionId partition;
    std::int64_t offset = 0;  // one past the last durable record
  };

  // Returns the facts that the manifest makes public. The other facts are not known yet.
  [[nodiscard]] static ContestFacts of(const ContestManifest& manifest) {
    return {.started_at_ms = manifest.started_at_ms,
            .coin_commitment = manifest.coin_commitment,
            .retry_window_ms = manifest.retry_window.count(),
            .coin_seed = std::nullopt,
            .ends = {}};
  }

  std::int64_t started_at_ms = 0;        // since 1970
  std::string coin_commitment;           // 64 hexadecimal digits (Coin::commitment())
  std::int64_t retry_window_ms = 0;      // the greatest age of a client's id
  std::optional<std::string> coin_seed;  // 32 (Coin::reveal()); only once the contest is over
  std::vector<End> ends;
};

// The lag: results in the log that the score does not have yet.
[[nodiscard]] inline std::int64_t lag_of(const Score& score, const ContestFacts& facts) {
  std::int64_t sum = 0;
  for (const ContestFacts::End& end : facts.ends) {
    // The difference is negative when the log has lost its end. The tally reports that.
    sum += std::max<std::int64_t>(0, end.offset - score.position(end.partition));
  }
  return sum;
}

}  // namespace estadio
