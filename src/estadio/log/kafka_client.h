// What every use of librdkafka here shares: how a client is configured, who owns its parts, and
// what its errors are in ours.
//
// Threads: values and functions; librdkafka's clients may be used from any thread.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

// Reads a file of lines KEY=VALUE, as Kafka's own tools take it with --command-config; empty lines
// and those that start with # are passed over. What a log stands for cannot be set: only keys of
// security (`security.`, `sasl.`, `ssl.`, `enable.ssl.certificate.verification`) and of connections
// (`client.`, `broker.address.`, `socket.`, `reconnect.`, `metadata.`) are.
// Errors: kInvalidArgument naming file and line; of the values only paths are ever in a message.
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

// Until when calls one after the other have time; librdkafka is told what is left, in ms, which is
// never nothing.
using KafkaDeadline = std::chrono::steady_clock::time_point;
[[nodiscard]] int left_ms(KafkaDeadline deadline);

// The configuration of a client of the cluster: first the cluster's properties, then `settings`,
// by librdkafka's names. Errors: kInvalidArgument naming the setting.
[[nodiscard]] base::Result<KafkaConf> kafka_conf(
    const KafkaCluster& cluster,
    std::initializer_list<std::pair<std::string_view, std::string>> settings);

// A client; `conf` is used up. Errors: kInvalidArgument, what librdkafka says of the settings.
[[nodiscard]] base::Result<KafkaClient> kafka_producer(KafkaConf conf);
[[nodiscard]] base::Result<KafkaClient> kafka_consumer(KafkaConf conf);

// Asks for the cluster's brokers, to see whether one answers. Gives 0, or librdkafka's error.
[[nodiscard]] int ask_for_brokers(rd_kafka_s& client, int patience_ms);

// librdkafka's error `code` (rd_kafka_resp_err_t), met while doing `what`.
[[nodiscard]] base::Error kafka_error(std::string_view what, int code);

}  // namespace estadio
