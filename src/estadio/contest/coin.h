// The coin: one bit of SipHash-2-4 of an entry's id under a secret seed.
//
// So a retry of an entry gets the same outcome and lands in the same partition; nobody can choose
// ids that win without knowing the seed; and once the seed is shown, anybody can check every toss.
// The seed's SHA-256 (of its 16 bytes) is published from the start, so the seed cannot be changed
// afterwards. SipHash: Aumasson and Bernstein, 2012; both hashes are libsodium's.
//
// Threads: immutable after construction; may be shared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/entry.h"

namespace estadio {

using CoinSeed = std::array<std::uint8_t, 16>;

class Coin {
 public:
  explicit Coin(const CoinSeed& seed);

  struct Toss {
    Outcome outcome;
    std::uint32_t spread;  // evenly spread and independent of the outcome: picks the partition

    // 0 to partitions - 1.
    [[nodiscard]] int partition(int partitions) const {
      return static_cast<int>(std::uint64_t{spread} * static_cast<std::uint64_t>(partitions) >> 32);
    }
  };
  [[nodiscard]] Toss toss(const base::Uuid& id) const;

  // 64 hexadecimal digits: SHA-256 of the seed.
  [[nodiscard]] std::string commitment() const;
  // 32 hexadecimal digits. To be shown when the contest is over, never in a log.
  [[nodiscard]] std::string reveal() const;

 private:
  CoinSeed seed_;
};

// A seed that nobody knows, from the system's generator.
[[nodiscard]] CoinSeed draw_coin_seed();

// A seed as reveal() writes it. Nothing when it is not one.
[[nodiscard]] std::optional<CoinSeed> parse_coin_seed(std::string_view text);

// The seed kept in `path` (32 hexadecimal digits, readable by its owner alone).
// Errors: kNotFound; kCorruption when it holds something else.
[[nodiscard]] base::Result<CoinSeed> load_coin_seed(const std::string& path);

// The same; where there is no such file, draws a seed and keeps it there, durably.
[[nodiscard]] base::Result<CoinSeed> load_or_draw_coin_seed(const std::string& path);

}  // namespace estadio
