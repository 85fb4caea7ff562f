// The settings of Kafka, shared by all roles that use it.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/settings.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"

namespace estadio {

struct KafkaOptions {
  std::string brokers = "127.0.0.1:9092";
  std::string properties_file;
  std::string prefix;
  std::int64_t partitions = 0;  // 0: the contest's number
  std::int64_t replication = 1;

  // Adds the settings of the cluster and its topics' names.
  void add_to(base::Settings& settings);
  // Adds the settings of new topics, for roles that make topics.
  void add_making_to(base::Settings& settings);
  // Checks the prefix and that librdkafka accepts the properties.
  [[nodiscard]] base::Result<void> check() const;

  // Reads the properties' file. `partitions_of_contest` is used when the settings have no number.
  [[nodiscard]] base::Result<KafkaContest> to_contest(int partitions_of_contest) const;
};

// Loads the coin's seed from `seed_file`, unless that is empty. Checks the manifest's seed against
// its commitment. Errors: those of load_coin_seed(); kFailedPrecondition when there is no seed, or
// the seed is another contest's.
[[nodiscard]] base::Result<void> settle_seed(ContestManifest& manifest,
                                             const std::string& seed_file);

}  // namespace estadio
