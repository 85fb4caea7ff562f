// The facts of a running contest beside its score, in Redis. Tallies write them about once a
// second; scoreboards read them (docs/redis.md).
//
//   key                  type    field -> value
//   {estadio}:contest    hash    started_at_ms -> ms since 1970
//                                coin_commitment -> 64 hexadecimal digits
//                                coin_seed -> 32, once the contest is over
//                                end/winners/0 -> one past the last durable record
//                                retry_window_ms -> the greatest age of a client's id
//
// Several processes may each write the partitions that they read. A missing field keeps its value.
//
// Threads: every method may be called from any thread. REQUIRES with TLS: SIGPIPE is ignored.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/score/redis_client.h"
#include "estadio/score/redis_keyspace.h"

namespace estadio {

class RedisFacts {
 public:
  using Options = RedisKeyspace;

  // Connects, and reads nothing yet. REQUIRES: `clock` outlives it.
  // Errors: those of RedisKeyspace::connect().
  [[nodiscard]] static base::Result<std::unique_ptr<RedisFacts>> open(const Options& options,
                                                                      const base::Clock& clock);

  // Writes the given facts in one command.
  // Errors: those of RedisClient::call(); kInvalidArgument for a value that read() would refuse,
  // and then nothing was written.
  [[nodiscard]] base::Result<void> publish(const ContestFacts& facts);

  // Returns the facts, with ends by topic, winners first, then by number. Errors: those of
  // RedisClient::call(); kNotFound before the first publish(); kCorruption naming a field that
  // is missing or has a foreign value.
  [[nodiscard]] base::Result<ContestFacts> read() const;

 private:
  RedisFacts(std::unique_ptr<RedisClient> client, std::string key);

  const std::unique_ptr<RedisClient> client_;
  const std::string key_;
  const std::string writing_;  // the action, for errors
  const std::string reading_;
};

}  // namespace estadio
