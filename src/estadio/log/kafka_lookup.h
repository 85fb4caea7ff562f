// Reads single records of a Kafka cluster, as the cluster has them now. A tally does this before
// each commit, so a lookup fetches as little as Kafka allows: one batch of a producer.
//
// A lookup has one client for all partitions, which it opens for the first record.
//
// Threads: all methods may be called from any thread. Lookups of one partition wait for each other.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaLookup {
 public:
  // `partitions` is the number of partitions of each topic. REQUIRES: `clock` outlives this.
  KafkaLookup(KafkaCluster cluster, KafkaTopics topics, int partitions, const base::Clock& clock);
  ~KafkaLookup();

  // Returns the record at `offset`.
  // Errors: kCorruption when the log ends before it, or records are missing; kUnavailable when no
  // answer comes within a few seconds; kInvalidArgument naming a setting.
  [[nodiscard]] base::Result<CopiedRecord> read(PartitionId id, std::int64_t offset);

 private:
  struct Partition {
    std::mutex mutex;
    KafkaQueue queue;  // guarded by mutex; null before the first lookup
  };

  // Opens the client and its topics, unless they are open.
  base::Result<void> open();
  [[nodiscard]] base::Result<std::int64_t> end_of(PartitionId id);
  // Waits for the record. REQUIRES: the partition's fetching has begun at `offset`.
  [[nodiscard]] base::Result<CopiedRecord> receive(PartitionId id, rd_kafka_queue_s& queue,
                                                   std::int64_t offset);

  const KafkaCluster cluster_;
  const KafkaTopics names_;
  const base::Clock& clock_;

  std::mutex mutex_;
  // Guarded by mutex_ until they are set. They never change after that.
  KafkaClient client_;
  KafkaTopic topics_[2];

  std::vector<Partition> partitions_;  // the winners', then the losers'
};

}  // namespace estadio
