// What is fixed when a contest begins, because counting, proving and retrying must follow one rule
// for as long as it lasts.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace estadio {

// What decides which records are repeats.
struct RetryRule {
  std::chrono::milliseconds window = std::chrono::minutes(10);
  std::int64_t ids = 4'000'000;  // remembered, over all partitions

  static constexpr std::chrono::hours kWindowMax{168};

  friend bool operator==(const RetryRule&, const RetryRule&) = default;
};

struct ContestTerms {
  std::int64_t started_at_ms = 0;
  int partitions = 0;  // of each topic: where an id's records go
  RetryRule retry;
  std::string coin_commitment;
};

}  // namespace estadio
