// The keys of one contest in a Redis server: its address, the login, and the keys' prefix.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/score/redis_client.h"
#include "estadio/score/redis_url.h"

namespace estadio {

struct RedisKeyspace {
  static constexpr std::size_t kPrefixBytesMax = 64;
  // The largest count or offset: 18 digits, so that the sum of two fits 64 bits.
  static constexpr std::int64_t kNumberMax = 999'999'999'999'999'999;

  RedisUrl url;
  std::string password;  // when it is not in the URL
  std::string ca_file;   // authorities of the server's certificate; empty: the system's
  // Letters, digits, '.', '_' and '-'. One for each contest.
  std::string prefix = "estadio";
  std::chrono::milliseconds connect_timeout{5000};  // with login and TLS
  std::chrono::milliseconds command_timeout{5000};

  // Checks the values without the server. Errors: kInvalidArgument.
  [[nodiscard]] base::Result<void> check() const;
  // Connects, and waits until the server answers. REQUIRES: `clock` outlives the client.
  // Errors: those of check() and of RedisClient::open().
  [[nodiscard]] base::Result<std::unique_ptr<RedisClient>> connect(const base::Clock& clock) const;

  // "{estadio}:positions". The braces put all keys of a prefix into one slot of a cluster.
  [[nodiscard]] std::string key(std::string_view name) const;
};

// Reads a stored count or offset, 0 to kNumberMax. Returns nothing for any other text.
[[nodiscard]] std::optional<std::int64_t> stored_number(std::string_view text);

// Returns kCorruption naming a value that we do not write: of a field of `key`, or of the key
// itself when `field` is empty.
[[nodiscard]] base::Error foreign_value(std::string_view key, std::string_view field,
                                        std::string_view value);

}  // namespace estadio
