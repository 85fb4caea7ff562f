// The contest's manifest, agreed once among all its processes through the compacted topic
// `contest`:
//
//   {"version":1,"started_at_ms":…,"partitions":2,"retry_window_ms":600000,
//    "coin_commitment":"…","coin_seed":"…"}
//
// agree_on_manifest() proposes a manifest when the topic has none. Each proposal has a unique key,
// so compaction keeps it. The first proposal in the topic is in force. The manifest holds the seed
// unless the seed is stored elsewhere. Anyone who can read the topic can read that seed: restrict
// read access.
//
// Threads: functions; they wait for the cluster.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/manifest.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

struct KafkaContest {
  KafkaCluster cluster;
  KafkaTopics topics;
  std::chrono::milliseconds patience = std::chrono::seconds(20);
};

// Returns the manifest in force. Errors: kNotFound when the contest has not begun; kCorruption when
// the topic holds something else; kFailedPrecondition when the topic may drop it; kUnavailable.
[[nodiscard]] base::Result<ContestManifest> read_manifest(const KafkaContest& contest,
                                                          const base::Clock& clock,
                                                          base::Logger& log);

// Same as read_manifest(). If the contest has not begun, begins it with `proposal`. The topics'
// partition count replaces the proposal's. Makes a missing `contest` topic. Makes missing `winners`
// and `losers` only when it begins the contest.
[[nodiscard]] base::Result<ContestManifest> agree_on_manifest(const KafkaContest& contest,
                                                              ContestManifest proposal,
                                                              const base::Clock& clock,
                                                              base::Logger& log);

}  // namespace estadio
