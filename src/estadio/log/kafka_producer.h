// A producer of the log's records, idempotent, with its two topics.
//
// librdkafka queues records for up to `linger` and sends them together. It reports the result of
// every record that was queued, and its own errors, to the callbacks. These run on the thread that
// calls poll() or flush().
//
// Threads: all methods may be called from any thread, open_topics() before the others.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/kafka_topics.h"

namespace estadio {

class KafkaProducer {
 public:
  struct Options {
    KafkaCluster cluster;
    KafkaTopics topics;
    std::chrono::microseconds linger{500};  // how long a record waits for others
    std::chrono::milliseconds delivery_timeout = std::chrono::seconds(10);
    std::size_t in_flight_bytes = std::size_t{64} << 20;
  };

  // In librdkafka's form. Each gets `owner`.
  struct Callbacks {
    void* owner = nullptr;
    void (*on_delivery)(rd_kafka_s*, const rd_kafka_message_s*, void* owner) = nullptr;
    void (*on_error)(rd_kafka_s*, int error, const char* reason, void* owner) = nullptr;
  };

  // Makes the client, which connects in the background. REQUIRES: the callbacks' owner outlives it.
  // Errors: kInvalidArgument naming a setting.
  [[nodiscard]] static base::Result<std::shared_ptr<KafkaProducer>> open(
      const Options& options, const Callbacks& callbacks);
  // REQUIRES: the topics exist. Errors: librdkafka's.
  [[nodiscard]] base::Result<void> open_topics(const KafkaTopics& topics);

  // Queues copies of the messages for a partition. Returns how many were queued. A message that was
  // not queued has `err` set and gets no report. The records' time is the present time.
  // REQUIRES: open_topics() succeeded.
  [[nodiscard]] std::size_t produce(PartitionId to, std::span<rd_kafka_message_s> messages);
  // Does the same with exactly this time. It takes longer.
  [[nodiscard]] std::size_t produce_at(PartitionId to, std::span<rd_kafka_message_s> messages,
                                       std::int64_t time_ms);

  // Returns the topic of a reported message, as an Outcome.
  [[nodiscard]] static Outcome outcome_of(const rd_kafka_message_s& message);

  // Calls the callbacks that are due. Waits for one at most `patience`.
  void poll(std::chrono::milliseconds patience);
  // Waits until every record has its report, at most `patience`.
  void flush(std::chrono::milliseconds patience);
  // Gives up every record that has no report yet. flush() brings the reports.
  void purge();
  // Returns why the producer cannot go on.
  [[nodiscard]] std::string fatal_reason() const;

  [[nodiscard]] rd_kafka_s& client() const { return *client_; }

 private:
  std::array<Outcome, 2> outcomes_ = {Outcome::kWinner, Outcome::kLoser};  // topics_ point at them
  KafkaClient client_;
  std::array<KafkaTopic, 2> topics_;  // by outcome; they are destroyed before the client
};

}  // namespace estadio
