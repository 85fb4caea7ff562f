// The topics of a contest in a Kafka cluster: makes missing ones, and checks the settings that the
// log's guarantees need.
//
// Threads: any. The functions wait for the cluster.
#pragma once

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
    return prefix + std::string(topic_name(topic));
  }
  // "winners-0", with the prefix.
  [[nodiscard]] std::string name_of(PartitionId id) const {
    return name_of(id.topic) + '-' + std::to_string(id.number);
  }
  [[nodiscard]] std::string contest_name() const { return prefix + "contest"; }
};

enum class MissingTopics { kMake, kRefuse };

// Makes sure that `winners` and `losers` exist, with these settings:
//
//   cleanup.policy=delete, retention.ms=-1, retention.bytes=-1     nothing is ever dropped
//   message.timestamp.type=CreateTime                              times are the judges'
//   message.timestamp.before.max.ms and .after.max.ms without a limit   even wrong ones
//   min.insync.replicas 2 or more                                  a broker may be lost
//
// With a single broker the last one is only a warning. Returns the number of partitions of each
// topic. Errors:
//
//   kFailedPrecondition   a setting is wrong; the message names topic, setting and the command that
//                         corrects it
//                         the partition counts differ or exceed Contest::kPartitionsMax
//                         a topic has no copies in a cluster of several brokers
//   kNotFound             a topic is missing, and `missing` is kRefuse
//   kInvalidArgument      a topic must be made, and `replication` is too small for the cluster
//   kUnavailable          too few brokers for the replicas, or no answer before the deadline
[[nodiscard]] base::Result<int> prepare_topics(rd_kafka_s& client, const KafkaTopics& topics,
                                               MissingTopics missing, const KafkaDeadline& deadline,
                                               base::Logger& log);

// Does the same for the topic `contest`, with one partition and cleanup.policy=compact. The topic
// holds the manifest (kafka_manifest.h).
[[nodiscard]] base::Result<void> prepare_contest_topic(rd_kafka_s& client,
                                                       const KafkaTopics& topics,
                                                       MissingTopics missing,
                                                       const KafkaDeadline& deadline,
                                                       base::Logger& log);

}  // namespace estadio
