// The event log in Kafka: the topics `winners` and `losers`. A result is one record, keyed by the
// entry's id. Any Kafka client can read it:
//
//   kcat -b 127.0.0.1:9092 -C -t winners -e
//
// KafkaLog joins the parts:
//
//   append()                        KafkaAppender -> KafkaProducer (idempotent, acks=all, lz4)
//   end_offset(), offset_before()   KafkaOffsets
//   read_from()                     KafkaLogReader -> KafkaConsumers
//   read_again()                    KafkaLookup
//
// BrokerHealth and AcknowledgedEnds hold what these parts learn of the cluster.
//
// Positions are Kafka's offsets. The client library hides a topic's id. So a partition's
// incarnation is a digest of the partition's name, its first record and the time of that record.
// Topics keep every record (kafka_topics.h), so the first record never changes.
//
// Bounds: those of KafkaAppender.
//
// Threads: as EventLog says.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/acknowledged_ends.h"
#include "estadio/log/broker_health.h"
#include "estadio/log/kafka_appender.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_consumers.h"
#include "estadio/log/kafka_lookup.h"
#include "estadio/log/kafka_offsets.h"
#include "estadio/log/kafka_producer.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaLog final : public EventLog {
 public:
  struct Options {
    KafkaCluster cluster;
    KafkaTopics topics;
    MissingTopics missing = MissingTopics::kMake;
    // Number of partitions used of each topic; 0 means all. A contest keeps its first number when a
    // topic grows, so ids keep their partitions.
    int partitions = 0;
    std::chrono::microseconds linger = KafkaProducer::Options().linger;
    std::chrono::milliseconds delivery_timeout = KafkaProducer::Options().delivery_timeout;
    std::size_t in_flight_bytes = KafkaProducer::Options().in_flight_bytes;
    std::chrono::milliseconds open_patience = std::chrono::seconds(20);
  };

  struct Stats {
    std::uint64_t records = 0;  // durable
    std::uint64_t bytes = 0;    // of their lines
    std::uint64_t failed = 0;   // as in KafkaAppender::Stats
    bool is_away = false;       // no broker can be reached, or none answers
    bool has_lost = false;      // Kafka lost results that it had acknowledged; append() refuses
  };

  // Connects, and prepares the topics. REQUIRES: `clock` and `log` outlive it. Errors: those of
  // prepare_topics(); kFailedPrecondition when a topic has fewer partitions than `partitions`;
  // kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaLog>> open(const Options& options,
                                                                    const base::Clock& clock,
                                                                    base::Logger& log);
  ~KafkaLog() override;

  // Refuses further appends. Returns when all appended records are delivered or given up.
  void stop();

  void append(const RecordBatch& batch, Done done) override;
  // Other processes may still append behind the marks. Marks have no key.
  void append_end_marks(Done done) override;
  [[nodiscard]] base::Result<base::Uuid> incarnation(PartitionId id) override;
  [[nodiscard]] int partitions() const override { return ends_->partitions(); }
  [[nodiscard]] base::Result<std::int64_t> end_offset(PartitionId id) override;
  [[nodiscard]] base::Result<std::int64_t> offset_before(PartitionId id,
                                                         std::int64_t time_ms) override;
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) override;
  [[nodiscard]] base::Result<CopiedRecord> read_again(PartitionId id, std::int64_t offset) override;

  // Reads each partition's last acknowledged record again. Sets has_lost when another record, or
  // none, is in its place. Waits up to a few seconds for each. While Kafka does not answer, this
  // finds nothing.
  void look_for_loss();

  [[nodiscard]] Stats stats() const;

 private:
  KafkaLog(const Options& options, const base::Clock& clock, base::Logger& log);

  base::Result<void> connect();
  [[nodiscard]] base::Result<int> usable_partitions(int of_topics) const;

  const Options options_;
  const base::Clock& clock_;
  base::Logger& log_;
  BrokerHealth health_;
  // Set by open(). Each uses those before it.
  std::unique_ptr<AcknowledgedEnds> ends_;
  std::unique_ptr<KafkaAppender> appender_;
  std::unique_ptr<KafkaOffsets> offsets_;
  std::unique_ptr<KafkaConsumers> consumers_;
  std::atomic<bool> is_ending_{false};  // append_end_marks() was called
  std::unique_ptr<KafkaLookup> lookup_;
};

void write_metrics(base::MetricsWriter& metrics, const KafkaLog::Stats& stats);

}  // namespace estadio
