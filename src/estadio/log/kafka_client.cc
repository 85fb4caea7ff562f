#include "estadio/log/kafka_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "base/files.h"

namespace estadio {
namespace {

constexpr std::size_t kPropertiesBytesMax = std::size_t{64} << 10;
constexpr std::size_t kErrorBytes = 512;

constexpr std::string_view kFindIt = "probe";  // for a path: wherever the system has it

constexpr std::array<std::string_view, 9> kMayBeSet = {"security.",
                                                       "sasl.",
                                                       "ssl.",
                                                       "enable.ssl.certificate.verification",
                                                       "client.",
                                                       "broker.address.",
                                                       "socket.",
                                                       "reconnect.",
                                                       "metadata.max.age.ms"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

base::Result<KafkaClient> make_client(rd_kafka_type_t type, KafkaConf conf) {
  std::array<char, kErrorBytes> why{};
  KafkaClient client(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!client) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("starting a client of Kafka: {}", why.data()));
  }
  [[maybe_unused]] const auto* is_the_clients = conf.release();
  return client;
}

base::Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return base::Code::kResourceExhausted;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return base::Code::kCorruption;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION: return base::Code::kFailedPrecondition;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return base::Code::kInvalidArgument;
    // Most errors of a cluster pass: brokers that are away or too few yet, leaders that move.
    default: return base::Code::kUnavailable;
  }
}

}  // namespace

void KafkaClientFree::operator()(rd_kafka_s* client) const {
  // A member of a group leaves it before, and no further callback is called.
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
void KafkaTopicFree::operator()(rd_kafka_topic_s* topic) const { rd_kafka_topic_destroy(topic); }
void KafkaConfFree::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }
void KafkaQueueFree::operator()(rd_kafka_queue_s* queue) const { rd_kafka_queue_destroy(queue); }
void KafkaMessageFree::operator()(rd_kafka_message_s* message) const {
  rd_kafka_message_destroy(message);
}
void KafkaPartitionsFree::operator()(rd_kafka_topic_partition_list_s* partitions) const {
  rd_kafka_topic_partition_list_destroy(partitions);
}

int KafkaDeadline::left_ms() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - clock_.mono());
  return std::max(1, static_cast<int>(left.count()));
}

base::Result<std::map<std::string, std::string>> read_kafka_properties(const std::string& path) {
  const auto text = base::read_file(path, kPropertiesBytesMax);
  if (!text) return base::fail(base::Code::kInvalidArgument, text.error().message());
  std::map<std::string, std::string> properties;
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto refuse = [&](std::string_view what) {
      return base::fail(base::Code::kInvalidArgument, fmt::format("{}:{}: {}", path, number, what));
    };
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return refuse("expected KEY=VALUE");
    const std::string key(trimmed(line.substr(0, equals)));
    const bool may_be_set = std::ranges::any_of(
        kMayBeSet, [&](std::string_view start) { return key.starts_with(start); });
    if (!may_be_set) {
      return refuse(fmt::format(
          "'{}' cannot be set: expected a key of security (security.protocol, sasl.mechanism, "
          "sasl.username, sasl.password, ssl.ca.location …) or of connections (client.id, "
          "socket.timeout.ms …)",
          key));
    }
    const std::string value(trimmed(line.substr(equals + 1)));
    if (key.ends_with(".location") && value != kFindIt && ::access(value.c_str(), R_OK) != 0) {
      return refuse(base::Error::from_errno(fmt::format("{}: {}", key, value), errno).message());
    }
    if (!properties.emplace(key, value).second) {
      return refuse(fmt::format("'{}' is set twice: keep one of the lines", key));
    }
  }
  return properties;
}

base::Result<KafkaConf> kafka_conf(
    const KafkaCluster& cluster,
    std::initializer_list<std::pair<std::string_view, std::string>> settings) {
  KafkaConf conf(rd_kafka_conf_new());
  const auto set = [&](std::string_view key, const std::string& value) -> base::Result<void> {
    std::array<char, kErrorBytes> why{};
    if (rd_kafka_conf_set(conf.get(), std::string(key).c_str(), value.c_str(), why.data(),
                          why.size()) == RD_KAFKA_CONF_OK) {
      return {};
    }
    // librdkafka's message quotes the value, which may be a secret.
    const bool is_known = std::string_view(why.data()).find("No such") == std::string_view::npos;
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("Kafka's setting {}: {}", key,
                                  is_known ? "librdkafka does not take this value"
                                           : "librdkafka has no setting of this name"));
  };
  RETURN_IF_ERROR(set("bootstrap.servers", cluster.brokers));
  RETURN_IF_ERROR(set("client.id", "estadio"));
  // Each attempt that fails would be a line of the log otherwise.
  RETURN_IF_ERROR(set("log_level", "0"));
  // A broker that is back is found within a second.
  RETURN_IF_ERROR(set("reconnect.backoff.max.ms", "1000"));
  for (const auto& [key, value] : cluster.properties) RETURN_IF_ERROR(set(key, value));
  for (const auto& [key, value] : settings) RETURN_IF_ERROR(set(key, value));
  return conf;
}

base::Result<KafkaClient> kafka_producer(KafkaConf conf) {
  return make_client(RD_KAFKA_PRODUCER, std::move(conf));
}

base::Result<KafkaClient> kafka_consumer(KafkaConf conf) {
  return make_client(RD_KAFKA_CONSUMER, std::move(conf));
}

int ask_for_brokers(rd_kafka_s& client, int patience_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(&client, 0, nullptr, &metadata, patience_ms);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(metadata);
  return error;
}

base::Error kafka_error(std::string_view what, int code) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  return {code_of(error), fmt::format("{}: {}", what, rd_kafka_err2str(error))};
}

}  // namespace estadio
