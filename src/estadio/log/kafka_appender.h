// Appends records to Kafka's topics, and answers each append once its records are durable.
//
//   append() -> queue_ (in order) -> KafkaProducer ... broker ... -> delivery reports -> done()
//
// One thread polls for delivery reports. `done` runs in the order of the appends, on that thread or
// within append() or stop(). Only the `done` of a refused append may run earlier. The thread also
// replaces a producer that failed for good, and probes a cluster that is away.
//
// The cluster does not keep a batch over several partitions in one step. When it kept only a part,
// `done` gets kDeadlineExceeded. The client may send its entries again with the ids that it gave.
//
// Bounds: append() refuses beyond `in_flight_bytes` of records that are not durable. A record that
// is not delivered within `delivery_timeout` is given up: refused if it never left, else unknown.
//
// Threads: all methods may be called from any thread, open() and start() before the others.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/acknowledged_ends.h"
#include "estadio/log/append_queue.h"
#include "estadio/log/broker_health.h"
#include "estadio/log/kafka_producer.h"

namespace estadio {

class KafkaAppender {
 public:
  struct Dependencies {
    BrokerHealth& health;
    const base::Clock& clock;
    base::Logger& log;
  };

  struct Stats {
    std::uint64_t records = 0;  // durable
    std::uint64_t bytes = 0;    // of their lines
    // Records that were refused, timed out, or acknowledged after a loss. Appends that were refused
    // as a whole are not counted.
    std::uint64_t failed = 0;
  };

  // Makes the producer, so that its client can be used. REQUIRES: `deps` outlive the appender.
  // Errors: kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaAppender>> open(
      const KafkaProducer::Options& options, const Dependencies& deps);
  // Starts the thread; append() may be called from now on. REQUIRES: the topics exist; `ends`
  // outlives the appender. Errors: librdkafka's.
  [[nodiscard]] base::Result<void> start(AcknowledgedEnds& ends);
  ~KafkaAppender();

  // Refuses further appends. Returns when all appended records are delivered or given up.
  void stop();

  // As EventLog::append(). Refuses once Kafka has lost results.
  void append(const RecordBatch& batch, EventLog::Done done);

  // Returns the producer in use. It may be replaced meanwhile.
  [[nodiscard]] std::shared_ptr<KafkaProducer> producer() const;

  [[nodiscard]] Stats stats() const;

 private:
  KafkaAppender(const KafkaProducer::Options& options, const Dependencies& deps);

  [[nodiscard]] base::Result<std::shared_ptr<KafkaProducer>> open_producer();
  [[nodiscard]] base::Result<std::shared_ptr<KafkaProducer>> admit(
      std::unique_ptr<PendingAppend>& append);
  void produce(KafkaProducer& producer, PartitionId to, const RecordBatch::Part& part,
               std::int64_t time_ms, PendingAppend& append);
  void settle(PendingAppend& append, std::uint32_t records);
  void on_delivery(const rd_kafka_message_s& message);
  void on_error(int error, std::string_view reason);
  [[nodiscard]] bool is_after_all_before(const rd_kafka_message_s& message);
  void run(const std::stop_token& stop);
  void replace_failed_producer();
  [[nodiscard]] bool has_pending() const;

  const KafkaProducer::Options options_;
  const Dependencies deps_;
  AcknowledgedEnds* ends_ = nullptr;  // set by start()

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<KafkaProducer> producer_;  // shared: an append may hold it while it is replaced
  AppendQueue queue_;
  bool is_stopped_ = false;

  std::atomic<std::uint64_t> records_{0}, bytes_{0}, failed_{0};
  std::atomic<bool> has_failed_{false};  // the producer cannot go on and is replaced

  std::jthread thread_;  // last: it is destroyed before the members that it uses
};

}  // namespace estadio
