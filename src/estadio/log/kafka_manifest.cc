#include "estadio/log/kafka_manifest.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <simdjson.h>
#include <string>

#include "base/uuid.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kVersion = 1;
constexpr int kLookEveryMs = 500;
// One attempt. Callers try again, and can be stopped in between.
constexpr std::chrono::seconds kReachPatience{5};

std::string to_json(const ContestManifest& manifest) {
  std::string json =
      fmt::format(R"({{"version":{},"started_at_ms":{},"partitions":{},"retry_window_ms":{},)"
                  R"("coin_commitment":"{}")",
                  kVersion, manifest.started_at_ms, manifest.partitions,
                  manifest.retry_window.count(), manifest.coin_commitment);
  if (manifest.coin_seed) {
    json += fmt::format(R"(,"coin_seed":"{}")", Coin(*manifest.coin_seed).reveal());
  }
  return json + '}';
}

// An error never quotes the text: it may hold the seed.
base::Result<ContestManifest> parse_manifest(std::string_view json, const std::string& topic) {
  const auto refuse = [&](std::string_view what) {
    return base::fail(base::Code::kCorruption,
                      fmt::format("the topic {} holds no manifest of a contest: {}", topic, what));
  };
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get(object) != simdjson::SUCCESS) {
    return refuse("expected a JSON object");
  }
  const auto number = [&](const char* key, std::int64_t least, std::int64_t most,
                          std::int64_t& value) {
    return object[key].get(value) == simdjson::SUCCESS && value >= least && value <= most;
  };
  ContestManifest manifest;
  std::int64_t version = 0;
  std::int64_t partitions = 0;
  std::int64_t window_ms = 0;
  std::string_view commitment;
  if (!number("version", kVersion, kVersion, version)) {
    return refuse(fmt::format(
        "expected version {}: a newer estadio may have begun the contest; use that one", kVersion));
  }
  if (!number("started_at_ms", 1, INT64_MAX, manifest.started_at_ms) ||
      !number("partitions", 1, Contest::kPartitionsMax, partitions) ||
      !number("retry_window_ms", 0, INT64_MAX / 2, window_ms) ||
      object["coin_commitment"].get(commitment) != simdjson::SUCCESS) {
    return refuse("expected started_at_ms, partitions, retry_window_ms and coin_commitment");
  }
  manifest.partitions = static_cast<int>(partitions);
  manifest.retry_window = milliseconds(window_ms);
  manifest.coin_commitment = std::string(commitment);
  std::string_view seed;
  const auto has_seed = object["coin_seed"].get(seed);
  if (has_seed == simdjson::NO_SUCH_FIELD) return manifest;
  manifest.coin_seed = has_seed == simdjson::SUCCESS ? parse_coin_seed(seed) : std::nullopt;
  if (!manifest.coin_seed) return refuse("coin_seed is not 32 hexadecimal digits");
  if (Coin(*manifest.coin_seed).commitment() != commitment) {
    return refuse("coin_seed is not the one that coin_commitment was made of");
  }
  return manifest;
}

// The first proposal; nothing when there is none.
base::Result<std::optional<ContestManifest>> first_manifest(const KafkaContest& contest,
                                                            const KafkaDeadline& deadline) {
  const std::string name = contest.topics.contest_name();
  const std::string what = "reading the topic " + name;
  ASSIGN_OR_RETURN(KafkaConf conf, kafka_conf(contest.cluster, {{"enable.partition.eof", "true"},
                                                                {"auto.offset.reset", "error"},
                                                                {"fetch.wait.max.ms", "10"},
                                                                {"check.crcs", "true"}}));
  ASSIGN_OR_RETURN(const KafkaClient client, kafka_consumer(std::move(conf)));
  const KafkaTopic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  if (!topic || rd_kafka_consume_start(topic.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
    return base::fail(kafka_error(what, rd_kafka_last_error()));
  }
  std::optional<ContestManifest> first;
  base::Result<void> outcome;
  const KafkaMessage message(rd_kafka_consume(topic.get(), 0, deadline.left_ms()));
  if (!message) {
    outcome = base::fail(base::Code::kUnavailable, what + ": no answer");
  } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto parsed = parse_manifest({static_cast<const char*>(message->payload), message->len}, name);
    if (parsed) {
      first = *std::move(parsed);
    } else {
      outcome = base::fail(std::move(parsed).error());
    }
  } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    outcome = base::fail(kafka_error(what, message->err));
  }
  rd_kafka_consume_stop(topic.get(), 0);
  if (!outcome) return base::fail(std::move(outcome).error());
  return first;
}

base::Result<void> propose(rd_kafka_s& client, const std::string& name,
                           const ContestManifest& proposal, const KafkaDeadline& deadline) {
  const KafkaTopic topic(rd_kafka_topic_new(&client, name.c_str(), nullptr));
  const std::string key = base::UuidGenerator().next(proposal.started_at_ms).to_string();
  std::string json = to_json(proposal);
  std::optional<rd_kafka_resp_err_t> answer;
  if (topic && rd_kafka_produce(topic.get(), 0, RD_KAFKA_MSG_F_COPY, json.data(), json.size(),
                                key.data(), key.size(), &answer) == 0) {
    rd_kafka_flush(&client, deadline.left_ms());
  } else {
    answer = rd_kafka_last_error();
  }
  const std::string what = "beginning the contest in the topic " + name;
  if (!answer) return base::fail(base::Code::kUnavailable, what + ": no answer");
  if (*answer != RD_KAFKA_RESP_ERR_NO_ERROR) return base::fail(kafka_error(what, *answer));
  return {};
}

// A producer that has reached a broker; where it cannot, librdkafka's calls say no more than that.
class Client {
 public:
  // Errors: kUnavailable saying what the last broker that was tried said.
  static base::Result<std::unique_ptr<Client>> open(const KafkaContest& contest,
                                                    const base::Clock& clock) {
    ASSIGN_OR_RETURN(KafkaConf conf,
                     kafka_conf(contest.cluster, {{"acks", "all"},
                                                  {"enable.idempotence", "true"},
                                                  {"message.timeout.ms",
                                                   std::to_string(contest.patience.count())}}));
    rd_kafka_conf_set_dr_msg_cb(
        conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
          *static_cast<std::optional<rd_kafka_resp_err_t>*>(message->_private) = message->err;
        });
    auto client = std::make_unique<Client>();
    rd_kafka_conf_set_opaque(conf.get(), client.get());
    rd_kafka_conf_set_error_cb(
        conf.get(), [](rd_kafka_t*, int error, const char* reason, void* opaque) {
          static_cast<Client*>(opaque)->note(static_cast<rd_kafka_resp_err_t>(error), reason);
        });
    ASSIGN_OR_RETURN(client->client_, kafka_producer(std::move(conf)));
    RETURN_IF_ERROR(client->reach(
        KafkaDeadline(clock, std::min<milliseconds>(contest.patience, kReachPatience))));
    return client;
  }

  [[nodiscard]] rd_kafka_s& raw() const { return *client_; }

 private:
  void note(rd_kafka_resp_err_t error, const char* reason) {
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;  // each has said why before
    reason_ = reason;
    is_refused_ |= error == RD_KAFKA_RESP_ERR__AUTHENTICATION;
  }

  base::Result<void> reach(const KafkaDeadline& deadline) {
    while (true) {
      const auto error = static_cast<rd_kafka_resp_err_t>(
          ask_for_brokers(*client_, std::min(kLookEveryMs, deadline.left_ms())));
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
      rd_kafka_poll(client_.get(), 0);
      if (!is_refused_ && !deadline.has_passed()) continue;
      return base::fail(base::Code::kUnavailable,
                        fmt::format("reaching Kafka: {}",
                                    reason_.empty() ? rd_kafka_err2str(error) : reason_.c_str()));
    }
  }

  std::string reason_;
  bool is_refused_ = false;
  KafkaClient client_;
};

}  // namespace

base::Result<ContestManifest> read_manifest(const KafkaContest& contest, const base::Clock& clock,
                                            base::Logger& log) {
  const KafkaDeadline deadline(clock, contest.patience);
  ASSIGN_OR_RETURN(const auto client, Client::open(contest, clock));
  RETURN_IF_ERROR(prepare_contest_topic(client->raw(), contest.topics, MissingTopics::kRefuse,
                                        KafkaDeadline(clock, contest.patience), log));
  ASSIGN_OR_RETURN(auto manifest, first_manifest(contest, deadline));
  if (manifest) return *std::move(manifest);
  return base::fail(base::Code::kNotFound,
                    fmt::format("no contest has begun in Kafka: the topic {} is empty; start a "
                                "discipline server",
                                contest.topics.contest_name()));
}

base::Result<ContestManifest> agree_on_manifest(const KafkaContest& contest,
                                                ContestManifest proposal, const base::Clock& clock,
                                                base::Logger& log) {
  const KafkaDeadline deadline(clock, contest.patience);
  ASSIGN_OR_RETURN(const auto client, Client::open(contest, clock));
  RETURN_IF_ERROR(prepare_contest_topic(client->raw(), contest.topics, MissingTopics::kMake,
                                        KafkaDeadline(clock, contest.patience), log));
  ASSIGN_OR_RETURN(auto manifest, first_manifest(contest, deadline));
  if (manifest) return *std::move(manifest);
  ASSIGN_OR_RETURN(proposal.partitions,
                   prepare_topics(client->raw(), contest.topics, MissingTopics::kMake,
                                  KafkaDeadline(clock, contest.patience), log));
  RETURN_IF_ERROR(propose(client->raw(), contest.topics.contest_name(), proposal, deadline));
  // Another process may have been quicker.
  ASSIGN_OR_RETURN(manifest, first_manifest(contest, deadline));
  if (manifest) return *std::move(manifest);
  return base::fail(
      base::Code::kUnavailable,
      fmt::format("the manifest was written to the topic {} and cannot be read back: try "
                  "again later",
                  contest.topics.contest_name()));
}

}  // namespace estadio
