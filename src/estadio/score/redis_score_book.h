// The score book in a Redis 7 server, where people can read it with redis-cli and processes on
// several machines share it (docs/redis.md).
//
//   key                        type     field -> value
//   {estadio}:positions        hash     winners/0 -> <incarnation> <next offset> <chain> <chain>
//   {estadio}:breakdown        hash     winner/1/Ingeniería -> how many
//   {estadio}:by_faculty       hash     Ingeniería -> how many
//   {estadio}:by_discipline    hash     1 -> how many
//   {estadio}:by_outcome       hash     winner -> how many
//   {estadio}:not_counted      hash     repeated, not_in_time -> how many records
//
// A position's value is a PartitionState as text_of() writes it (score_encoding.h). The three by_*
// are for people; read() uses the others. The braces put all keys of a prefix into one slot of a
// cluster.
//
// A commit is one Lua script. Redis runs nothing else meanwhile, but does not undo the writes of a
// script that fails. So the script checks everything that could fail before its first write. It
// handles numbers as strings, because Lua's numbers are doubles.
//
// In a crash Redis may lose its last second, or everything. It loses counts and positions together,
// and the tally counts the lost records again from the log.
//
// Threads: see ScoreBook. REQUIRES with TLS: SIGPIPE is ignored.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/score_book.h"
#include "estadio/contest/stored_book.h"
#include "estadio/score/redis_client.h"
#include "estadio/score/redis_keyspace.h"

namespace estadio {

class RedisScoreBook final : public ScoreBook {
 public:
  using Options = RedisKeyspace;

  // Connects, and refuses a server that may evict keys. When the server hides that setting, logs a
  // warning. Does not read the stored score.
  // REQUIRES: `contest`, `clock` and `log` outlive the book.
  // Errors: kInvalidArgument for an option; kFailedPrecondition naming the setting to correct;
  // kUnavailable.
  [[nodiscard]] static base::Result<std::unique_ptr<RedisScoreBook>> open(const Options& options,
                                                                          const Contest& contest,
                                                                          const base::Clock& clock,
                                                                          base::Logger& log);

  // After these errors nothing has changed: kCorruption when a key is missing or has a foreign
  // value; kFailedPrecondition when Redis refuses the command for good (a missing right, a key of
  // another type); kInvalidArgument for a number beyond RedisKeyspace::kNumberMax.
  [[nodiscard]] base::Result<CommitOutcome> commit(const ScoreCommit& commit) override;
  [[nodiscard]] base::Result<Score> read() const override;

  // The score, and the values of the by_* keys of the same moment.
  struct WithSums {
    Score score;
    StoredValues sums;
  };
  // Errors: those of read().
  [[nodiscard]] base::Result<WithSums> read_with_sums() const;
  // Returns the values that the by_* keys must have.
  [[nodiscard]] StoredValues sums_of(const Score& score) const;

  // For a repair. Returns all values, also those that no score book wrote.
  // Errors: kFailedPrecondition when a key has another type; kUnavailable.
  [[nodiscard]] base::Result<StoredBook> read_stored() const;
  // Returns the values of a book that holds `score`.
  [[nodiscard]] StoredValues values_of(const Score& score) const;
  // Replaces the whole book in one atomic step. A commit that began before finds another state, and
  // is not applied. Needs the right to DEL.
  // Errors: those of commit(). After kUnavailable the book may have been replaced.
  [[nodiscard]] base::Result<void> replace(const Score& score);

 private:
  RedisScoreBook(std::unique_ptr<RedisClient> client, const Contest& contest,
                 const Options& options);
  base::Result<void> load_scripts();
  // Runs a script that returns all keys' fields and values.
  [[nodiscard]] base::Result<RedisReply> read_keys(const RedisScript& script) const;

  const std::unique_ptr<RedisClient> client_;
  const Contest& contest_;
  const std::vector<std::string> keys_;  // as the scripts number them
  // Set by open().
  RedisScript commit_script_;
  RedisScript read_script_;
};

}  // namespace estadio
