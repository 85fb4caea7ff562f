// The keys of one contest in a Redis server: where that is, as whom to talk to it, and what the
// keys begin with.
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
  // Of counts and offsets: 18 digits, so that two together are still 64 bits.
  static constexpr std::int64_t kNumberMax = 999'999'999'999'999'999;

  RedisUrl url;
  std::string password;  // when it is not in the URL
  std::string ca_file;   // authorities of the server's certificate; empty: the system's
  // Letters, digits, '.', '_' and '-'. One for each contest.
  std::string prefix = "estadio";
  std::chrono::milliseconds connect_timeout{5000};  // with login and TLS
  std::chrono::milliseconds command_timeout{5000};

  // Without a look at the server. Errors: kInvalidArgument.
  [[nodiscard]] base::Result<void> check() const;
  // Connects, and sees that the server answers. `clock` must outlive the client.
  // Errors: those of check() and of RedisClient::open().
  [[nodiscard]] base::Result<std::unique_ptr<RedisClient>> connect(const base::Clock& clock) const;

  // "{estadio}:positions". The braces put all keys of a prefix into one slot of a cluster.
  [[nodiscard]] std::string key(std::string_view name) const;
};

// A count or an offset as it is written there: 0 to kNumberMax.
[[nodiscard]] std::optional<std::int64_t> stored_number(std::string_view text);

// That a field of a key, or the key where `field` is empty, holds what we do not write:
// kCorruption.
[[nodiscard]] base::Error foreign_value(std::string_view key, std::string_view field,
                                        std::string_view value);

}  // namespace estadio
