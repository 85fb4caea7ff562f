// A contest's manifest holds what is fixed when the contest begins. Counting, verifying and retries
// must follow one rule for the whole contest.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "estadio/contest/coin.h"

namespace estadio {

struct ContestManifest {
  std::int64_t started_at_ms = 0;  // since 1970
  int partitions = 0;              // of each topic; decides an id's partition
  std::chrono::milliseconds retry_window = std::chrono::minutes(10);  // RetryRule
  std::string coin_commitment;        // 64 hexadecimal digits (Coin::commitment())
  std::optional<CoinSeed> coin_seed;  // nothing when the seed is stored elsewhere
};

}  // namespace estadio
