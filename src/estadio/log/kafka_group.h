// A member of a Kafka consumer group. The group divides the partitions of `winners` and `losers`
// among its members, and divides them again when a member comes or goes.
//
// The member only receives assignments. Readers have clients of their own (kafka_log_reader.h), and
// the score book alone decides what was counted. So a member that learns late of a new assignment
// does no harm. The member commits positions only so that Kafka's own tools show the lag:
//
//   kafka-consumer-groups.sh --bootstrap-server 127.0.0.1:9092 --describe --group estadio-tally
//
// Threads: join() starts one thread, which calls the callbacks; commit() may come from any thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
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
    int partitions = 0;  // used of each topic, numbered from 0; others are ignored
  };
  // Callbacks of the group's thread, which waits until they return.
  struct Callbacks {
    // The cluster admitted the member and assigned it these further partitions, perhaps none.
    std::function<void(std::span<const PartitionId> partitions)> gained;
    // The member lost these partitions.
    std::function<void(std::span<const PartitionId> partitions)> lost;
    // Called when the cluster refuses the member. The same error in a row is reported once; a
    // rebalance resets this. The member keeps trying.
    std::function<void(const base::Error& why)> refused;
  };

  // REQUIRES: `clock` and `log` outlive the group. Errors: kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaGroup>> join(const Options& options,
                                                                      Callbacks callbacks,
                                                                      const base::Clock& clock,
                                                                      base::Logger& log);
  // Begins to leave the group and returns. The destructor waits. To end several members quickly,
  // call this on each before you destroy the first.
  void begin_leaving() { thread_.request_stop(); }
  // Leaves the group. `lost` gets the remaining partitions, unless leaving fails or takes longer
  // than the leave timeout.
  ~KafkaGroup();

  // Commits the offset of the next record to be counted in each partition. Does not wait.
  void commit(std::span<const std::pair<PartitionId, std::int64_t>> positions);

 private:
  KafkaGroup(Options options, Callbacks callbacks, const base::Clock& clock, base::Logger& log);

  void run(const std::stop_token& stop);
  void poll();
  void leave();
  [[nodiscard]] bool has_left_before(const KafkaDeadline& deadline);
  void rebalance(int what, rd_kafka_topic_partition_list_s& partitions);
  [[nodiscard]] std::vector<PartitionId> ours(
      const rd_kafka_topic_partition_list_s& partitions) const;

  const Options options_;
  const Callbacks callbacks_;
  const base::Clock& clock_;
  base::Logger& log_;
  // Used by the group's thread alone.
  int refused_with_ = 0;     // the error that `refused` got last
  bool has_joined_ = false;  // the first rebalance came
  KafkaClient client_;
  std::jthread thread_;  // last: it is destroyed before the members that it uses
};

}  // namespace estadio
