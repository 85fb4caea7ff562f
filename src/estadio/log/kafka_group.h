// A member of a Kafka consumer group: the group shares the partitions of `winners` and `losers` out
// among its members, and shares them anew when one comes or goes.
//
// Nothing is read through it: readers have clients of their own (kafka_log_reader.h), and what was
// counted is decided by the score book alone. So a member that is late to hear of a new share does
// no harm. Positions are committed to the group only so that Kafka's own tools tell the lag:
//
//   kafka-consumer-groups.sh --bootstrap-server 127.0.0.1:9092 --describe --group estadio-tally
//
// Threads: one, started by join(), on which the callbacks come; commit() from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaGroup {
 public:
  struct Options {
    KafkaCluster cluster;
    KafkaTopics topics;
    std::string group = "estadio-tally";
    int partitions = 0;  // of each topic, that are used; others are left alone
  };
  // Called by the group's thread, which goes on when it has returned.
  struct Told {
    // What the member's share has gained, or lost.
    std::function<void(std::span<const PartitionId> partitions)> gained;
    std::function<void(std::span<const PartitionId> partitions)> lost;
    // The cluster lets nobody into the group until it is mended; told once for each reason.
    std::function<void(const base::Error& why)> refused;
  };

  // `log` must outlive the group. Errors: kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaGroup>> join(const Options& options,
                                                                      Told told, base::Logger& log);
  // Leaves the group: `lost` is told of what is left of the share, unless the cluster is silent or
  // a callback takes longer than the leaving may.
  ~KafkaGroup();

  // Tells the group where the next record to be counted is; without waiting.
  void commit(std::span<const std::pair<PartitionId, std::int64_t>> positions);

 private:
  KafkaGroup(Options options, Told told, base::Logger& log);

  void run(const std::stop_token& stop);
  void poll();
  void leave();
  [[nodiscard]] bool has_left_within(std::chrono::nanoseconds patience);
  void rebalance(int what, rd_kafka_topic_partition_list_s& partitions);
  [[nodiscard]] std::vector<PartitionId> ours(
      const rd_kafka_topic_partition_list_s& partitions) const;

  const Options options_;
  const Told told_;
  base::Logger& log_;
  // Of the group's thread.
  int refused_with_ = 0;     // the error that was told
  bool has_joined_ = false;  // its first share was told
  KafkaClient client_;
  std::jthread thread_;  // last: ends before what it uses goes
};

}  // namespace estadio
