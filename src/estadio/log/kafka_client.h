// Shared wrappers for librdkafka: configuration, owning pointers and error conversion.
//
// Threads: values and functions; librdkafka's clients may be used from any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

// librdkafka's own types, whose header only the .cc files include.
struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;               // NOLINT(readability-identifier-naming): its own names
struct rd_kafka_topic_partition_list_s;  // NOLINT(readability-identifier-naming)

namespace estadio {

// How to reach a cluster.
struct KafkaCluster {
  std::string brokers;  // "host:port", several with commas
  // Further settings by their names in librdkafka, such as `security.protocol` and
  // `sasl.password`: see read_kafka_properties().
  std::map<std::string, std::string> properties;
};

// Reads a file of lines KEY=VALUE, in the format of the --command-config of Kafka's own tools.
// Skips empty lines and lines that start with #. Only two kinds of keys are allowed, so that no
// setting can break the log's guarantees.
//
//   security      security.*, sasl.*, ssl.*, enable.ssl.certificate.verification
//   connections   client.*, broker.address.*, socket.*, reconnect.*, metadata.max.age.ms
//
// Errors: kInvalidArgument naming file and line. Error messages contain no values except paths.
[[nodiscard]] base::Result<std::map<std::string, std::string>> read_kafka_properties(
    const std::string& path);

struct KafkaClientFree {
  void operator()(rd_kafka_s* client) const;
};
struct KafkaTopicFree {
  void operator()(rd_kafka_topic_s* topic) const;
};
struct KafkaConfFree {
  void operator()(rd_kafka_conf_s* conf) const;
};
struct KafkaQueueFree {
  void operator()(rd_kafka_queue_s* queue) const;
};
struct KafkaMessageFree {
  void operator()(rd_kafka_message_s* message) const;
};
struct KafkaPartitionsFree {
  void operator()(rd_kafka_topic_partition_list_s* partitions) const;
};
using KafkaClient = std::unique_ptr<rd_kafka_s, KafkaClientFree>;
using KafkaTopic = std::unique_ptr<rd_kafka_topic_s, KafkaTopicFree>;
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfFree>;
using KafkaQueue = std::unique_ptr<rd_kafka_queue_s, KafkaQueueFree>;
using KafkaMessage = std::unique_ptr<rd_kafka_message_s, KafkaMessageFree>;
using KafkaPartitions = std::unique_ptr<rd_kafka_topic_partition_list_s, KafkaPartitionsFree>;

// A deadline that several calls share.
class KafkaDeadline {
 public:
  // Ends `patience` from now. REQUIRES: `clock` outlives it.
  KafkaDeadline(const base::Clock& clock, base::Nanos patience)
      : clock_(clock), end_(clock.mono() + patience) {}

  [[nodiscard]] bool has_passed() const { return clock_.mono() >= end_; }
  // Returns the milliseconds that remain, at least 1, so that a call polls at least once.
  [[nodiscard]] int left_ms() const;

 private:
  const base::Clock& clock_;
  base::Nanos end_;
};

// Returns the configuration of a client: the cluster's properties, then `settings`, which override
// them. Names are librdkafka's. Errors: kInvalidArgument naming the setting.
[[nodiscard]] base::Result<KafkaConf> kafka_conf(
    const KafkaCluster& cluster,
    std::initializer_list<std::pair<std::string_view, std::string>> settings);

// Makes a client and consumes `conf`. Errors: kInvalidArgument with librdkafka's reason.
[[nodiscard]] base::Result<KafkaClient> kafka_producer(KafkaConf conf);
[[nodiscard]] base::Result<KafkaClient> kafka_consumer(KafkaConf conf);

// Asks the cluster for its brokers. Returns 0 when one answers, else librdkafka's error.
[[nodiscard]] int ask_for_brokers(rd_kafka_s& client, int patience_ms);

// Returns librdkafka's error `code` (rd_kafka_resp_err_t), which happened during `what`.
[[nodiscard]] base::Error kafka_error(std::string_view what, int code);

}  // namespace estadio
