// The coin: one bit of SipHash-2-4 of an entry's id under a secret seed.
//
// A retry of an entry gets the same outcome and lands in the same partition. Clients cannot choose
// winning ids without the seed. Once the seed is shown, every toss can be checked. The SHA-256 of
// the seed's 16 bytes is published from the start, so the seed cannot be changed afterwards.
//
// SipHash: Aumasson and Bernstein, 2012. Both hashes come from libsodium.
//
// Threads: a Coin is immutable after construction and may be shared.
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
    std::uint32_t spread;  // uniform and independent of the outcome; picks the partition

    // Returns the number of the record's partition: 0 to partitions - 1.
    [[nodiscard]] int partition(int partitions) const {
      return static_cast<int>(std::uint64_t{spread} * static_cast<std::uint64_t>(partitions) >> 32);
    }
  };
  [[nodiscard]] Toss toss(const base::Uuid& id) const;

  // Returns the seed's SHA-256, 64 hexadecimal digits.
  [[nodiscard]] std::string commitment() const;
  // Returns the seed, 32 hexadecimal digits. Show it only when the contest is over; never log it.
  [[nodiscard]] std::string reveal() const;

 private:
  CoinSeed seed_;
};

// Draws a secret seed from the system's random generator.
[[nodiscard]] CoinSeed draw_coin_seed();

// Reads a seed in the form of reveal(); newlines are ignored. Returns nothing for any other text.
[[nodiscard]] std::optional<CoinSeed> parse_coin_seed(std::string_view text);

// Reads the seed in the file `path`: 32 hexadecimal digits.
// Errors: kNotFound; kCorruption when the file holds anything else; the system's errors.
[[nodiscard]] base::Result<CoinSeed> load_coin_seed(const std::string& path);

// Draws a seed and writes it durably to `path`. Only the file's owner may read it. Replaces a file
// that is there: its writer knows that seed. Errors: the system's.
[[nodiscard]] base::Result<CoinSeed> draw_and_keep_coin_seed(const std::string& path);

}  // namespace estadio
