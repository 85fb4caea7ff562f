#include "estadio/app/kafka_options.h"

#include <algorithm>
#include <fmt/format.h>

#include "estadio/app/server_list.h"

namespace estadio {
namespace {

constexpr std::size_t kPrefixBytesMax = 64;
constexpr std::int64_t kReplicationMax = 16;

// Whether all characters are allowed in the names of Kafka's topics.
bool is_topic_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

void KafkaOptions::add_to(base::Settings& settings) {
  settings.add("kafka", brokers, "HOST:PORT[,…]",
               "one or more of Kafka's brokers, which name the others");
  settings.add("kafka-config", properties_file, "FILE",
               "librdkafka's properties for SASL, TLS and connections, one a line, as in "
               "security.protocol=SASL_SSL; keeps passwords out of the command line");
  settings.add("topic-prefix", prefix, "TEXT",
               "text before the names of the topics winners, losers and contest");
}

void KafkaOptions::add_making_to(base::Settings& settings) {
  settings.add("partitions", partitions, 0, Contest::kPartitionsMax,
               "partitions of new topics winners and losers; 0: the number in contest.toml");
  settings.add("replication", replication, 1, kReplicationMax,
               "brokers that store each partition of a new topic");
}

base::Result<void> KafkaOptions::check() const {
  RETURN_IF_ERROR(check_servers("kafka", brokers));
  if (prefix.size() > kPrefixBytesMax || !is_topic_text(prefix)) {
    return base::fail(
        base::Code::kInvalidArgument,
        fmt::format("topic-prefix: expected at most {} letters, digits, '.', '_' and '-'",
                    kPrefixBytesMax));
  }
  ASSIGN_OR_RETURN(const KafkaContest contest, to_contest(1));
  if (auto conf = kafka_conf(contest.cluster, {}); !conf) {
    return base::fail(std::move(conf).error().within("kafka-config"));
  }
  return {};
}

base::Result<KafkaContest> KafkaOptions::to_contest(int partitions_of_contest) const {
  KafkaContest contest;
  contest.cluster.brokers = brokers;
  if (!properties_file.empty()) {
    ASSIGN_OR_RETURN(contest.cluster.properties, read_kafka_properties(properties_file));
  }
  contest.topics = {
      .prefix = prefix,
      .partitions = partitions > 0 ? static_cast<int>(partitions) : partitions_of_contest,
      .replication = static_cast<int>(replication)};
  return contest;
}

base::Result<void> settle_seed(ContestManifest& manifest, const std::string& seed_file) {
  if (!seed_file.empty()) {
    ASSIGN_OR_RETURN(manifest.coin_seed, load_coin_seed(seed_file));
  }
  if (!manifest.coin_seed) {
    return base::fail(
        base::Code::kFailedPrecondition,
        "the coin's seed is in a file, not in Kafka: name the file with coin-seed-file");
  }
  if (Coin(*manifest.coin_seed).commitment() == manifest.coin_commitment) return {};
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format(
          "{} is not the seed of this contest: its hash differs from the published commitment",
          seed_file.empty() ? "the seed in the topic contest" : seed_file));
}

}  // namespace estadio
