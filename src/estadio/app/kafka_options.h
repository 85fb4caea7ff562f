// How a role reaches Kafka: the settings that all roles that use it share.
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
  std::int64_t partitions = 0;  // 0: as the contest says
  std::int64_t replication = 1;

  // Where to find the cluster and its topics.
  void add_to(base::Settings& settings);
  // How topics are made, for roles that make them.
  void add_making_to(base::Settings& settings);
  // That the properties can be used.
  [[nodiscard]] base::Result<void> check() const;

  // `partitions_of_contest`: of topics that are made, where the settings do not say.
  [[nodiscard]] base::Result<KafkaContest> to_contest(int partitions_of_contest) const;
};

// Sees that the contest's seed is known, from the file where one is named, and is the one that it
// began with. Errors: kInvalidArgument for the file; kFailedPrecondition.
[[nodiscard]] base::Result<void> settle_seed(ContestManifest& manifest,
                                             const std::string& seed_file);

}  // namespace estadio
