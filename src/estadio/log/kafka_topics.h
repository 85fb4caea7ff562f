// The topics of a contest in a Kafka cluster: made where they are missing, and held to what they
// stand for.
//
// Threads: functions; they wait for the cluster.
#pragma once

#include <chrono>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"

namespace estadio {

struct KafkaTopics {
  std::string prefix;   // before `winners`, `losers` and `contest`
  int partitions = 2;   // of `winners` and `losers`, when they are made
  int replication = 1;  // of topics that are made

  [[nodiscard]] std::string name_of(Outcome topic) const {
    return prefix + std::string(topic_of(topic));
  }
  [[nodiscard]] std::string contest_name() const { return prefix + "contest"; }
};

enum class MissingTopics { kMake, kRefuse };

// Sees to it that `winners` and `losers` are there and can keep what is promised:
//
//   cleanup.policy=delete, retention.ms=-1, retention.bytes=-1     nothing is ever dropped
//   message.timestamp.type=LogAppendTime                           times are the log's
//   min.insync.replicas 2 or more                                  a broker may be lost
//
// The last is a warning where there is one broker alone. Returns how many partitions each has.
// Errors: kFailedPrecondition naming topic, setting and the command that mends it; kNotFound when
// one is missing and not to be made; kUnavailable when the cluster does not answer in `patience`.
[[nodiscard]] base::Result<int> prepare_topics(rd_kafka_s& client, const KafkaTopics& topics,
                                               MissingTopics missing,
                                               std::chrono::milliseconds patience,
                                               base::Logger& log);

// The same for `contest`, of one partition, compacted. It holds the manifest (kafka_manifest.h).
[[nodiscard]] base::Result<void> prepare_contest_topic(rd_kafka_s& client,
                                                       const KafkaTopics& topics,
                                                       MissingTopics missing,
                                                       std::chrono::milliseconds patience,
                                                       base::Logger& log);

}  // namespace estadio
