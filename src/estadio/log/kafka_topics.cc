#include "estadio/log/kafka_topics.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/c_deleter.h"
#include "estadio/contest/contest.h"

namespace estadio {
namespace {

constexpr int kLookEveryMs = 50;

// A required setting of a topic, with the reason.
struct Setting {
  const char* key;
  const char* value;
  const char* why;
};
constexpr const char* kWouldBeDropped = "Kafka would drop results that count";
constexpr const char* kTimesDecide = "the time of an entry's judge decides whether it is a repeat";
constexpr const char* kAnyTime = "9223372036854775807";
constexpr const char* kWouldBeRefused =
    "Kafka would refuse results of a judge whose clock is wrong";
constexpr std::array<Setting, 6> kResultSettings = {{
    {"cleanup.policy", "delete", kWouldBeDropped},
    {"retention.ms", "-1", kWouldBeDropped},
    {"retention.bytes", "-1", kWouldBeDropped},
    {"message.timestamp.type", "CreateTime", kTimesDecide},
    {"message.timestamp.before.max.ms", kAnyTime, kWouldBeRefused},
    {"message.timestamp.after.max.ms", kAnyTime, kWouldBeRefused},
}};
constexpr std::array<Setting, 2> kContestSettings = {{
    {"cleanup.policy", "compact", "Kafka would drop the contest's manifest"},
    {"message.timestamp.type", "LogAppendTime",
     "a discipline server closes the contest only when a broker's clock is past the end too"},
}};
constexpr const char* kMinInsync = "min.insync.replicas";

struct Topic {
  std::string name;
  int partitions = 1;  // when it is made
  std::span<const Setting> settings;
};

// The cluster's answer about itself.
struct Cluster {
  int brokers = 0;
  std::map<std::string, int> partitions;  // of each topic
  std::map<std::string, int> copies;      // of each topic's first partition
  std::string without_leader;             // a topic that cannot be written yet; or empty
};

base::Result<Cluster> look(rd_kafka_s& client, std::span<const Topic> topics,
                           const KafkaDeadline& deadline) {
  // All topics: asking for one that is missing would have the broker make it as it likes.
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(&client, 1, nullptr, &raw, deadline.left_ms());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::fail(kafka_error("asking Kafka for its topics", error));
  }
  const std::unique_ptr<const rd_kafka_metadata_t, base::CDeleter<&rd_kafka_metadata_destroy>>
      metadata(raw);
  Cluster cluster;
  cluster.brokers = metadata->broker_cnt;
  for (const rd_kafka_metadata_topic_t& topic :
       std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    cluster.partitions[topic.topic] = topic.partition_cnt;
    cluster.copies[topic.topic] = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
    if (std::ranges::find(topics, topic.topic, &Topic::name) == topics.end()) continue;
    for (int i = 0; i < topic.partition_cnt; ++i) {
      if (topic.partitions[i].leader < 0) cluster.without_leader = topic.topic;
    }
  }
  return cluster;
}

using Event = std::unique_ptr<rd_kafka_event_t, base::CDeleter<&rd_kafka_event_destroy>>;

base::Result<Event> wait_for_result(rd_kafka_queue_t* queue, std::string_view what,
                                    const KafkaDeadline& deadline) {
  Event event(rd_kafka_queue_poll(queue, deadline.left_ms()));
  if (!event) return base::fail(base::Code::kUnavailable, fmt::format("{}: no answer", what));
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::fail(kafka_error(what, error));
  }
  return event;
}

base::Result<void> make_topic(rd_kafka_s& client, const Topic& topic, int replication,
                              const KafkaDeadline& deadline) {
  std::array<char, 256> why{};
  const std::unique_ptr<rd_kafka_NewTopic_t, base::CDeleter<&rd_kafka_NewTopic_destroy>> made(
      rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, replication, why.data(),
                            why.size()));
  if (!made) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("making the topic {}: {}", topic.name, why.data()));
  }
  for (const Setting& setting : topic.settings) {
    rd_kafka_NewTopic_set_config(made.get(), setting.key, setting.value);
  }
  rd_kafka_NewTopic_set_config(made.get(), kMinInsync, replication > 1 ? "2" : "1");
  const KafkaQueue queue(rd_kafka_queue_new(&client));
  rd_kafka_NewTopic_t* all[] = {made.get()};
  rd_kafka_CreateTopics(&client, all, 1, nullptr, queue.get());
  const std::string what = "making the topic " + topic.name;
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
                                                             const KafkaDeadline& deadline) {
  const std::unique_ptr<rd_kafka_ConfigResource_t, base::CDeleter<&rd_kafka_ConfigResource_destroy>>
      resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  const KafkaQueue queue(rd_kafka_queue_new(&client));
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

base::Result<void> check_topic(rd_kafka_s& client, const Topic& topic, const Cluster& cluster,
                               MissingTopics missing, const KafkaDeadline& deadline,
                               base::Logger& log) {
  ASSIGN_OR_RETURN(auto settings, settings_of(client, topic.name, deadline));
  const auto refuse = [&](const Setting& wanted) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("the topic {} has {}={}: {}; mend it with kafka-configs --alter --entity-type "
                    "topics --entity-name {} --add-config {}={}",
                    topic.name, wanted.key, settings[wanted.key], wanted.why, topic.name,
                    wanted.key, wanted.value));
  };
  for (const Setting& wanted : topic.settings) {
    if (settings[wanted.key] != wanted.value) return refuse(wanted);
  }
  const int copies = cluster.copies.at(topic.name);
  if (cluster.brokers > 1 && copies < 2) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format(
            "the topic {} is on one broker only, and the cluster has {}: give it copies with "
            "kafka-reassign-partitions, or use other topics (--topic-prefix)",
            topic.name, cluster.brokers));
  }
  if (std::atoi(settings[kMinInsync].c_str()) >= 2) return {};
  if (copies > 1) {
    return refuse({.key = kMinInsync,
                   .value = "2",
                   .why = "an acknowledged result could be on one broker only"});
  }
  // Only a role that makes topics warns, so that the warning comes once.
  if (missing == MissingTopics::kMake) {
    log.warning("there is one broker: a broken disk loses acknowledged results; use three brokers",
                {{"topic", topic.name}});
  }
  return {};
}

// Makes those that are missing, waits until all can be used, and checks them.
base::Result<Cluster> prepare(rd_kafka_s& client, std::span<const Topic> topics, int replication,
                              MissingTopics missing, const KafkaDeadline& deadline,
                              base::Logger& log) {
  ASSIGN_OR_RETURN(Cluster cluster, look(client, topics, deadline));
  bool has_made = false;
  for (const Topic& topic : topics) {
    if (cluster.partitions.contains(topic.name)) continue;
    if (missing == MissingTopics::kRefuse) {
      return base::fail(base::Code::kNotFound,
                        fmt::format("there is no topic {} in Kafka: start a discipline server, "
                                    "which makes it, or check --topic-prefix",
                                    topic.name));
    }
    if (cluster.brokers > 1 && replication < 2) {
      return base::fail(
          base::Code::kInvalidArgument,
          fmt::format("replication: expected 2 or more, better 3, to make the topic {}: "
                      "the cluster has {} brokers, and a copy on one only is lost with its disk",
                      topic.name, cluster.brokers));
    }
    RETURN_IF_ERROR(make_topic(client, topic, replication, deadline));
    log.info(
        "made a topic",
        {{"topic", topic.name}, {"partitions", topic.partitions}, {"replication", replication}});
    has_made = true;
  }
  // A topic that was just made is known to one broker after the other.
  const auto missing_one = [&]() -> std::string {
    for (const Topic& topic : topics) {
      if (!cluster.partitions.contains(topic.name)) return topic.name;
    }
    return cluster.without_leader;
  };
  while (has_made && !missing_one().empty() && !deadline.has_passed()) {
    rd_kafka_poll(&client, kLookEveryMs);
    ASSIGN_OR_RETURN(cluster, look(client, topics, deadline));
  }
  if (const std::string name = missing_one(); !name.empty()) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the topic {} cannot be written yet: try again later", name));
  }
  for (const Topic& topic : topics) {
    RETURN_IF_ERROR(check_topic(client, topic, cluster, missing, deadline, log));
  }
  return cluster;
}

}  // namespace

base::Result<int> prepare_topics(rd_kafka_s& client, const KafkaTopics& topics,
                                 MissingTopics missing, const KafkaDeadline& deadline,
                                 base::Logger& log) {
  const auto topic_for = [&](Outcome outcome) {
    return Topic{.name = topics.name_of(outcome),
                 .partitions = topics.partitions,
                 .settings = kResultSettings};
  };
  const std::array<Topic, 2> both = {topic_for(Outcome::kWinner), topic_for(Outcome::kLoser)};
  ASSIGN_OR_RETURN(Cluster cluster,
                   prepare(client, both, topics.replication, missing, deadline, log));
  const int partitions = cluster.partitions[both[0].name];
  const int others = cluster.partitions[both[1].name];
  if (partitions != others || partitions > Contest::kPartitionsMax) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("the topic {} has {} partitions and {} has {}: expected as many of both, at "
                    "most {}",
                    both[0].name, partitions, both[1].name, others, Contest::kPartitionsMax));
  }
  return partitions;
}

base::Result<void> prepare_contest_topic(rd_kafka_s& client, const KafkaTopics& topics,
                                         MissingTopics missing, const KafkaDeadline& deadline,
                                         base::Logger& log) {
  const std::array<Topic, 1> topic = {
      {{.name = topics.contest_name(), .partitions = 1, .settings = kContestSettings}}};
  RETURN_IF_ERROR(prepare(client, topic, topics.replication, missing, deadline, log));
  return {};
}

}  // namespace estadio
