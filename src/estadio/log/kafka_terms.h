// What a contest began with, agreed once among all its processes through the compacted topic
// `contest`:
//
//   {"version":1,"started_at_ms":…,"partitions":2,"retry_window_ms":600000,"retry_ids":4000000,
//    "coin_commitment":"…","coin_seed":"…"}
//
// Whoever finds none proposes its own, under a key that nobody else uses, so that compaction keeps
// every proposal; the first in the topic holds. The coin's seed stands there unless it is kept
// elsewhere: whoever may read the topic then knows it, so its access is to be limited as a
// secret's.
//
// Threads: functions; they wait for the cluster.
#pragma once

#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/terms.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

struct AgreedTerms {
  ContestTerms terms;
  std::optional<CoinSeed> seed;  // nothing when it is kept elsewhere
};

struct KafkaContest {
  KafkaCluster cluster;
  KafkaTopics topics;
  std::chrono::milliseconds patience = std::chrono::seconds(20);
};

// The terms in force. Errors: kNotFound when the contest has not begun; kCorruption when what
// stands in the topic is no terms; kFailedPrecondition of a topic that cannot keep them;
// kUnavailable.
[[nodiscard]] base::Result<AgreedTerms> read_terms(const KafkaContest& contest, base::Logger& log);

// The same; where the contest has not begun, it begins with `proposal`, with as many partitions as
// its topics have. Makes topics that are missing.
[[nodiscard]] base::Result<AgreedTerms> agree_on_terms(const KafkaContest& contest,
                                                       AgreedTerms proposal, base::Logger& log);

}  // namespace estadio
