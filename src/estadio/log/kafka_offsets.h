// Asks a Kafka cluster for offsets of the log's partitions, through the appender's client.
//
// A query may find that no broker answers, or that Kafka has lost results. It notes that in
// BrokerHealth or AcknowledgedEnds, so no query is const. While the cluster is away, every query
// fails at once.
//
// Threads: all methods may be called from any thread. They wait up to a few seconds.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/acknowledged_ends.h"
#include "estadio/log/broker_health.h"
#include "estadio/log/kafka_appender.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaOffsets {
 public:
  struct Dependencies {
    const KafkaAppender& appender;
    BrokerHealth& health;
    AcknowledgedEnds& ends;
  };
  // The offsets of a partition's first record and of its next record.
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  // REQUIRES: `deps` outlive this.
  KafkaOffsets(KafkaTopics topics, const Dependencies& deps);

  // Errors of all: kUnavailable and others of librdkafka, naming the partition.

  // Returns one past the last durable record. Records a loss when Kafka acknowledged a record
  // beyond this end.
  [[nodiscard]] base::Result<std::int64_t> end(PartitionId id);
  // Returns the offset of the first record that was logged at `time_ms` or later; the end when
  // there is none.
  [[nodiscard]] base::Result<std::int64_t> at_time(PartitionId id, std::int64_t time_ms);
  [[nodiscard]] base::Result<Range> range(PartitionId id);

 private:
  [[nodiscard]] base::Result<std::int64_t> ask(PartitionId id, std::int64_t time);

  const KafkaTopics topics_;
  const Dependencies deps_;
};

}  // namespace estadio
