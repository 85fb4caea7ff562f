#include "estadio/log/kafka_topics.h"

#include <array>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/freed.h"
#include "estadio/contest/contest.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

constexpr std::array<Outcome, 2> kTopics = {Outcome::kWinner, Outcome::kLoser};
constexpr int kLookEveryMs = 50;

// What every topic must have.
constexpr std::array<std::pair<const char*, const char*>, 4> kSettings = {{
    {"cleanup.policy", "delete"},
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
    {"message.timestamp.type", "LogAppendTime"},
}};
constexpr const char* kMinInsync = "min.insync.replicas";

int left_ms(Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(1, static_cast<int>(left.count()));
}

// What the cluster says of itself.
struct Cluster {
  int brokers = 0;
  std::map<std::string, int> partitions;  // of each topic
  std::string without_leader;             // a topic that cannot be written yet; or empty
};

base::Result<Cluster> look(rd_kafka_s& client, const KafkaTopics& topics, Deadline deadline) {
  // All topics: asking for one that is missing would have the broker make it as it likes.
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(&client, 1, nullptr, &raw, left_ms(deadline));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::fail(kafka_error("asking Kafka for its topics", error));
  }
  const std::unique_ptr<const rd_kafka_metadata_t, base::Freed<&rd_kafka_metadata_destroy>>
      metadata(raw);
  Cluster cluster;
  cluster.brokers = metadata->broker_cnt;
  for (const rd_kafka_metadata_topic_t& topic :
       std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    cluster.partitions[topic.topic] = topic.partition_cnt;
    const bool is_ours =
        topic.topic == topics.name_of(kTopics[0]) || topic.topic == topics.name_of(kTopics[1]);
    if (!is_ours) continue;
    for (int i = 0; i < topic.partition_cnt; ++i) {
      if (topic.partitions[i].leader < 0) cluster.without_leader = topic.topic;
    }
  }
  return cluster;
}

using Queue = std::unique_ptr<rd_kafka_queue_t, base::Freed<&rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, base::Freed<&rd_kafka_event_destroy>>;

base::Result<Event> wait_for_result(rd_kafka_queue_t* queue, std::string_view what,
                                    Deadline deadline) {
  Event event(rd_kafka_queue_poll(queue, left_ms(deadline)));
  if (!event) return base::fail(base::Code::kUnavailable, fmt::format("{}: no answer", what));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::fail(kafka_error(what, error));
  }
  return event;
}

base::Result<void> make_topic(rd_kafka_s& client, const std::string& name,
                              const KafkaTopics& topics, Deadline deadline) {
  std::array<char, 256> why{};
  const std::unique_ptr<rd_kafka_NewTopic_t, base::Freed<&rd_kafka_NewTopic_destroy>> topic(
      rd_kafka_NewTopic_new(name.c_str(), topics.partitions, topics.replication, why.data(),
                            why.size()));
  if (!topic) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("making the topic {}: {}", name, why.data()));
  }
  for (const auto& [key, value] : kSettings) rd_kafka_NewTopic_set_config(topic.get(), key, value);
  rd_kafka_NewTopic_set_config(topic.get(), kMinInsync, topics.replication > 2 ? "2" : "1");
  const Queue queue(rd_kafka_queue_new(&client));
  rd_kafka_NewTopic_t* all[] = {topic.get()};
  rd_kafka_CreateTopics(&client, all, 1, nullptr, queue.get());
  const std::string what = "making the topic " + name;
  ASSIGN_OR_RETURN(const Event event, wait_for_result(queue.get(), what, deadline));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (const auto* result : std::span(results, count)) {
    const auto error = rd_kafka_topic_result_error(result);
    // Another process was quicker.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* detail = rd_kafka_topic_result_error_string(result);
    return base::fail(
        kafka_error(detail == nullptr ? what : fmt::format("{}: {}", what, detail), error));
  }
  return {};
}

// The topic's settings in force.
base::Result<std::map<std::string, std::string>> settings_of(rd_kafka_s& client,
                                                             const std::string& name,
                                                             Deadline deadline) {
  const std::unique_ptr<rd_kafka_ConfigResource_t, base::Freed<&rd_kafka_ConfigResource_destroy>>
      resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  const Queue queue(rd_kafka_queue_new(&client));
  rd_kafka_ConfigResource_t* all[] = {resource.get()};
  rd_kafka_DescribeConfigs(&client, all, 1, nullptr, queue.get());
  const std::string what = "asking for the settings of the topic " + name;
  ASSIGN_OR_RETURN(const Event event, wait_for_result(queue.get(), what, deadline));
  std::map<std::string, std::string> settings;
  std::size_t count = 0;
  const auto* resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (const auto* each : std::span(resources, count)) {
    if (const auto error = rd_kafka_ConfigResource_error(each);
        error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return base::fail(kafka_error(what, error));
    }
    std::size_t entries = 0;
    const auto* configs = rd_kafka_ConfigResource_configs(each, &entries);
    for (const auto* entry : std::span(configs, entries)) {
      const char* value = rd_kafka_ConfigEntry_value(entry);
      settings[rd_kafka_ConfigEntry_name(entry)] = value == nullptr ? "" : value;
    }
  }
  return settings;
}

base::Result<void> check_topic(rd_kafka_s& client, const std::string& name, int brokers,
                               Deadline deadline, base::Logger& log) {
  ASSIGN_OR_RETURN(auto settings, settings_of(client, name, deadline));
  const auto refuse = [&](std::string_view key, std::string_view wanted, std::string_view why) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("the topic {} has {}={}: {}; mend it with kafka-configs --alter --entity-type "
                    "topics --entity-name {} --add-config {}={}",
                    name, key, settings[std::string(key)], why, name, key, wanted));
  };
  for (const auto& [key, wanted] : kSettings) {
    if (settings[key] == wanted) continue;
    const bool is_time = std::string_view(key) == "message.timestamp.type";
    return refuse(
        key, wanted,
        is_time ? "retries are told by the broker's time" : "results would be dropped that count");
  }
  if (std::atoi(settings[kMinInsync].c_str()) >= 2) return {};
  if (brokers > 1) {
    return refuse(kMinInsync, "2", "an acknowledged result could be on one broker alone");
  }
  log.warning("there is one broker: what it acknowledged is lost with its disk", {{"topic", name}});
  return {};
}

}  // namespace

base::Result<int> prepare_topics(rd_kafka_s& client, const KafkaTopics& topics,
                                 MissingTopics missing, milliseconds patience, base::Logger& log) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  ASSIGN_OR_RETURN(Cluster cluster, look(client, topics, deadline));
  bool has_made = false;
  for (const Outcome topic : kTopics) {
    const std::string name = topics.name_of(topic);
    if (cluster.partitions.contains(name)) continue;
    if (missing == MissingTopics::kRefuse) {
      return base::fail(base::Code::kNotFound, fmt::format("there is no topic {} in Kafka", name));
    }
    RETURN_IF_ERROR(make_topic(client, name, topics, deadline));
    log.info(
        "made a topic",
        {{"topic", name}, {"partitions", topics.partitions}, {"replication", topics.replication}});
    has_made = true;
  }
  // A topic that was just made is known to one broker after the other.
  const auto is_whole = [&] {
    return cluster.without_leader.empty() &&
           cluster.partitions.contains(topics.name_of(kTopics[0])) &&
           cluster.partitions.contains(topics.name_of(kTopics[1]));
  };
  while (has_made && !is_whole() && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_poll(&client, kLookEveryMs);
    ASSIGN_OR_RETURN(cluster, look(client, topics, deadline));
  }
  if (!is_whole()) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the topics {} and {} are not ready to be written",
                                  topics.name_of(kTopics[0]), topics.name_of(kTopics[1])));
  }
  const int partitions = cluster.partitions[topics.name_of(kTopics[0])];
  const int others = cluster.partitions[topics.name_of(kTopics[1])];
  if (partitions != others || partitions > Contest::kPartitionsMax) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("the topic {} has {} partitions and {} has {}: expected as many of both, at "
                    "most {}",
                    topics.name_of(kTopics[0]), partitions, topics.name_of(kTopics[1]), others,
                    Contest::kPartitionsMax));
  }
  for (const Outcome topic : kTopics) {
    RETURN_IF_ERROR(check_topic(client, topics.name_of(topic), cluster.brokers, deadline, log));
  }
  return partitions;
}

}  // namespace estadio
