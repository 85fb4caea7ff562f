// What is known of a running contest beside its score, in Redis: who counts writes it about once a
// second, who shows the score reads it (docs/redis.md).
//
//   key                  type    field -> value
//   {estadio}:contest    hash    started_at_ms -> ms since 1970
//                                coin_commitment -> 64 hexadecimal digits
//                                coin_seed -> 32, once the contest is over
//                                end/winners/0 -> one past the last durable record
//                                retry_window_ms/winners/0 -> how far back ids are remembered
//
// Several processes may each write the partitions that they read: a field that is not given stays
// as it is.
//
// Threads: every method may be called from any thread. REQUIRES: SIGPIPE is ignored, with TLS.
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

  // Connects; what the server holds is not looked at. `clock` must outlive it.
  // Errors: those of RedisKeyspace::connect().
  [[nodiscard]] static base::Result<std::unique_ptr<RedisFacts>> open(const Options& options,
                                                                      const base::Clock& clock);

  // Writes what is given, in one command; of the retry window the partitions' own, not the overall
  // one. Errors: those of RedisClient::call(); kInvalidArgument for what read() would refuse:
  // nothing was written.
  [[nodiscard]] base::Result<void> publish(const ContestFacts& facts);

  // Ends come by topic, winners first, and number. The overall retry window is the least of the
  // partitions', and nothing while one of them has none.
  // Errors: those of RedisClient::call(); kUnavailable while nobody has written anything;
  // kCorruption naming a field that is missing or holds what publish() does not write.
  [[nodiscard]] base::Result<ContestFacts> read() const;

 private:
  RedisFacts(std::unique_ptr<RedisClient> client, std::string key);

  const std::unique_ptr<RedisClient> client_;
  const std::string key_;
  const std::string writing_;  // what is done, for errors
  const std::string reading_;
};

}  // namespace estadio
