// The event log in Kafka: the topics `winners` and `losers`. A result is one record, keyed by the
// entry's id. Any Kafka client can read it:
//
//   kcat -b 127.0.0.1:9092 -C -t winners -e
//
// append() gives the records to librdkafka's producer (idempotent, acks=all, lz4). The producer
// sends the records of a few milliseconds together. One thread takes its delivery reports and calls
// each `done` in the order of the appends.
//
//   append() -> waiting_ (in order) -> producer ... broker ... -> delivery reports -> done()
//
// The cluster does not keep a batch over several partitions in one step. When it kept only a part,
// `done` gets "unknown", and the sender sends the batch again with the same ids.
//
// Positions are Kafka's offsets. The client library hides a topic's id. So a partition's
// incarnation is a digest of its first record and of the time at which the broker took it. Topics
// keep every record (kafka_topics.h), so the first record never changes.
//
// Bounds: append() refuses beyond `in_flight_bytes` of records that are not durable. A record that
// is not delivered within `delivery_timeout` is given up: refused if it never left, else unknown.
//
// Threads: as EventLog says.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaLog final : public EventLog {
 public:
  struct Options {
    KafkaCluster cluster;
    KafkaTopics topics;
    MissingTopics missing = MissingTopics::kMake;
    // The partitions used of each topic; 0: all. A contest that began with fewer than the topic has
    // now keeps using those, so that its ids stay in their partitions.
    int partitions = 0;
    std::chrono::microseconds linger{500};  // how long a record waits for others
    std::chrono::milliseconds delivery_timeout = std::chrono::seconds(10);
    std::size_t in_flight_bytes = std::size_t{64} << 20;
    std::chrono::milliseconds open_patience = std::chrono::seconds(20);
  };

  struct Stats {
    std::uint64_t records = 0;  // durable
    std::uint64_t bytes = 0;    // of their lines
    std::uint64_t failed = 0;   // records that were given up
    bool is_away = false;       // no broker can be reached, or none answers
    bool has_lost = false;      // Kafka lost results that it had acknowledged; append() refuses
  };

  // Connects, and prepares the topics. REQUIRES: `log` outlives it. Errors: those of
  // prepare_topics(); kFailedPrecondition when a topic has fewer partitions than `partitions`;
  // kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaLog>> open(const Options& options,
                                                                    base::Logger& log);
  ~KafkaLog() override;

  // Refuses further appends. Returns when all appended records are delivered or given up.
  void stop();

  void append(const RecordBatch& batch, Done done) override;
  [[nodiscard]] base::Result<base::Uuid> incarnation(PartitionId id) const override;
  [[nodiscard]] int partitions() const override { return partitions_; }
  [[nodiscard]] base::Result<std::int64_t> end_offset(PartitionId id) const override;
  [[nodiscard]] base::Result<std::int64_t> offset_before(PartitionId id,
                                                         std::int64_t time_ms) const override;
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) const override;

  [[nodiscard]] Stats stats() const;

 private:
  class Consumer;
  class Reader;
  class Producer;

  // The offsets of a partition's first record and of its next record.
  struct OffsetRange {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  // An append under way, with counts of its records by result. The reports' thread counts them;
  // the appending thread counts records that could not be queued.
  struct Waiting {
    Waiting(Done done_when, std::size_t size) : done(std::move(done_when)), bytes(size) {}
    Done done;
    std::size_t bytes;
    std::atomic<std::uint32_t> left{0};  // records without a result
    std::atomic<std::uint32_t> refused{0};
    std::atomic<std::uint32_t> unknown{0};
    std::uint32_t records = 0;
    std::atomic<int> error{0};  // the first, as librdkafka has it
  };

  KafkaLog(Options options, base::Logger& log);

  base::Result<void> use_partitions();
  [[nodiscard]] bool has_waiting() const;
  [[nodiscard]] std::string name_of(PartitionId id) const;
  [[nodiscard]] base::Result<std::int64_t> ask(PartitionId id, std::int64_t time) const;
  [[nodiscard]] base::Result<OffsetRange> offset_range(PartitionId id) const;
  [[nodiscard]] std::shared_ptr<Producer> producer() const;
  base::Result<std::shared_ptr<Producer>> admit(std::unique_ptr<Waiting>& waiting);
  void produce(Producer& producer, PartitionId to, const RecordBatch::Part& part, Waiting& waiting);
  void settle(Waiting& waiting, std::uint32_t records);
  void report(const rd_kafka_message_s& message);
  bool is_after_all_before(const rd_kafka_message_s& message);
  void note_error(int error, std::string_view reason);
  [[nodiscard]] std::atomic<std::int64_t>& known_end(PartitionId id) const;
  void note_lost(PartitionId id) const;
  [[nodiscard]] bool answers() const;
  void note_away() const;
  void run_reports(const std::stop_token& stop);
  void replace_failed_producer();
  [[nodiscard]] static base::Result<void> outcome_of(const Waiting& waiting);

  const Options options_;
  base::Logger& log_;
  int partitions_ = 0;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<Producer> producer_;  // shared: an append may hold it while another replaces it
  std::deque<std::unique_ptr<Waiting>> waiting_;
  std::size_t in_flight_bytes_ = 0;
  bool is_stopped_ = false;
  bool is_answering_ = false;  // a thread calls `done` of the oldest appends

  mutable std::mutex consumers_mutex_;
  mutable std::vector<std::shared_ptr<Consumer>> consumers_;  // guarded by consumers_mutex_

  std::atomic<std::uint64_t> records_{0}, bytes_{0}, failed_{0};
  // One past the last record that Kafka acknowledged to us, by topic and partition.
  mutable std::vector<std::atomic<std::int64_t>> known_ends_;
  mutable std::atomic<bool> is_away_{false};
  mutable std::atomic<bool> has_lost_{false};
  std::atomic<bool> has_failed_{false};  // the producer cannot go on and is replaced
  int refused_with_ = 0;                 // the error logged last; of the reports' thread

  std::jthread thread_;  // last: ends before what it uses goes
};

void write_metrics(base::MetricsWriter& metrics, const KafkaLog::Stats& stats);

}  // namespace estadio
