// What is known of a running contest beside its score: what its page shows, and how far its log
// goes. Where coin and log are not at hand, those who have them report it.
//
// Threads: values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"

namespace estadio {

struct ContestFacts {
  // How far a partition goes, as last known.
  struct End {
    PartitionId partition;
    std::int64_t offset = 0;  // one past the last durable record
    // How far back its reader certainly remembers ids; nothing until the reader has read them back.
    std::optional<std::int64_t> retry_window_ms;
  };

  std::int64_t started_at_ms = 0;        // since 1970
  std::string coin_commitment;           // 64 hexadecimal digits (Coin::commitment())
  std::optional<std::string> coin_seed;  // 32 (Coin::reveal()); only once the contest is over
  // How far back clients' ids are certainly remembered, in all partitions; nothing until it is
  // known (RetryWindow::in_force_ms()).
  std::optional<std::int64_t> retry_window_ms;
  std::vector<End> ends;
};

// The lag: results in the log that the score does not have yet.
[[nodiscard]] inline std::int64_t lag_of(const Score& score, const ContestFacts& facts) {
  std::int64_t sum = 0;
  for (const ContestFacts::End& end : facts.ends) {
    // Negative where the log has lost its end, which the tally reports.
    sum += std::max<std::int64_t>(0, end.offset - score.position(end.partition));
  }
  return sum;
}

}  // namespace estadio
