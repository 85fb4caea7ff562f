// The log and the score book of a contest, for commands that compare them: in the data folder of
// `estadio all`, or in Kafka and Redis.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/settings.h"
#include "estadio/app/data_folder.h"
#include "estadio/app/kafka_options.h"
#include "estadio/app/redis_options.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/manifest.h"
#include "estadio/score/redis_score_book.h"

namespace estadio {

struct ContestStoresOptions {
  ContestStoresOptions() { kafka.brokers.clear(); }

  std::string data;
  KafkaOptions kafka;
  RedisOptions redis;
  std::string contest_file;

  // Adds the settings. This object must outlive `settings`.
  void add_to(base::Settings& settings);
  [[nodiscard]] base::Result<void> check() const;
  [[nodiscard]] bool is_folder() const { return !data.empty(); }
};

class ContestStores {
 public:
  // kRead: another process may run the contest. kReplaceScore: locks a data folder, so no process
  // runs the contest on it.
  enum class Access { kRead, kReplaceScore };

  // Reads the contest and its manifest. A cluster's manifest may lack the coin's seed.
  // REQUIRES: `options`, `clock` and `log` outlive it.
  // Errors: those of DataFolder, Contest and read_manifest().
  [[nodiscard]] static base::Result<std::unique_ptr<ContestStores>> open(
      const ContestStoresOptions& options, Access access, const base::Clock& clock,
      base::Logger& log);

  [[nodiscard]] const Contest& contest() const { return contest_; }
  [[nodiscard]] const ContestManifest& manifest() const { return manifest_; }
  // Returns the log, without changing it. It holds every record that was durable before.
  [[nodiscard]] base::Result<std::unique_ptr<EventLog>> open_log() const;
  // Returns the offsets of the first end marks, by partition, as the control log says. Returns
  // nothing until it says `closed`, and for a data folder, which has no control log.
  [[nodiscard]] base::Result<std::optional<std::vector<std::int64_t>>> read_closed_offsets() const;
  // REQUIRES: the contest is in a data folder.
  [[nodiscard]] std::string score_folder() const { return folder_->score_folder(); }
  // REQUIRES: the contest is in a cluster. This object outlives the book.
  [[nodiscard]] base::Result<std::unique_ptr<RedisScoreBook>> open_redis() const;

 private:
  ContestStores(const ContestStoresOptions& options, Contest contest, ContestManifest manifest,
                const base::Clock& clock, base::Logger& log)
      : options_(options),
        contest_(std::move(contest)),
        manifest_(std::move(manifest)),
        clock_(clock),
        log_(log) {}

  const ContestStoresOptions& options_;
  const Contest contest_;
  const ContestManifest manifest_;
  const base::Clock& clock_;
  base::Logger& log_;
  std::optional<DataFolder> folder_;  // nothing: the contest is in a cluster
};

}  // namespace estadio
