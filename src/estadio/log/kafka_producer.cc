#include "estadio/log/kafka_producer.h"

#include <algorithm>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

namespace estadio {
namespace {

constexpr const char* kSocketTimeoutMs = "5000";
constexpr std::size_t kQueueBytesPerByte = 4;  // of librdkafka's bound to ours: it adds its own
constexpr std::size_t kQueueKbytesMin = std::size_t{64} << 10;

}  // namespace

base::Result<std::shared_ptr<KafkaProducer>> KafkaProducer::open(const Options& options,
                                                                 const Callbacks& callbacks) {
  const auto kbytes =
      std::max(kQueueKbytesMin, options.in_flight_bytes / 1024 * kQueueBytesPerByte);
  ASSIGN_OR_RETURN(
      KafkaConf conf,
      kafka_conf(
          options.cluster,
          {{"enable.idempotence", "true"},
           {"acks", "all"},
           {"compression.codec", "lz4"},
           {"linger.ms", fmt::format("{}", static_cast<double>(options.linger.count()) / 1000.0)},
           {"message.timeout.ms", std::to_string(options.delivery_timeout.count())},
           {"queue.buffering.max.messages", "10000000"},
           {"queue.buffering.max.kbytes", std::to_string(kbytes)},
           {"socket.timeout.ms", kSocketTimeoutMs},
           {"socket.nagle.disable", "true"}}));
  rd_kafka_conf_set_opaque(conf.get(), callbacks.owner);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), callbacks.on_delivery);
  rd_kafka_conf_set_error_cb(conf.get(), callbacks.on_error);
  auto producer = std::make_shared<KafkaProducer>();
  ASSIGN_OR_RETURN(producer->client_, kafka_producer(std::move(conf)));
  return producer;
}

base::Result<void> KafkaProducer::open_topics(const KafkaTopics& topics) {
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    const auto index = static_cast<std::size_t>(topic);
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client_.get());
    rd_kafka_topic_conf_set_opaque(conf, &outcomes_[index]);  // for outcome_of()
    topics_[index].reset(rd_kafka_topic_new(client_.get(), topics.name_of(topic).c_str(), conf));
    if (!topics_[index]) {
      return base::fail(
          kafka_error("opening the topic " + topics.name_of(topic), rd_kafka_last_error()));
    }
  }
  return {};
}

std::size_t KafkaProducer::produce(PartitionId to, std::span<rd_kafka_message_s> messages) {
  const int queued = rd_kafka_produce_batch(topics_[static_cast<std::size_t>(to.topic)].get(),
                                            to.number, RD_KAFKA_MSG_F_COPY, messages.data(),
                                            static_cast<int>(messages.size()));
  return static_cast<std::size_t>(queued);
}

// Only produceva() takes a time, and it takes one message.
std::size_t KafkaProducer::produce_at(PartitionId to, std::span<rd_kafka_message_s> messages,
                                      std::int64_t time_ms) {
  std::array<rd_kafka_vu_t, 7> fields{};
  auto& [topic, partition, time, flags, value, key, opaque] = fields;
  topic.vtype = RD_KAFKA_VTYPE_RKT;
  topic.u.rkt = topics_[static_cast<std::size_t>(to.topic)].get();
  partition.vtype = RD_KAFKA_VTYPE_PARTITION;
  partition.u.i32 = to.number;
  time.vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  time.u.i64 = time_ms;
  flags.vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  flags.u.i = RD_KAFKA_MSG_F_COPY;
  value.vtype = RD_KAFKA_VTYPE_VALUE;
  key.vtype = RD_KAFKA_VTYPE_KEY;
  opaque.vtype = RD_KAFKA_VTYPE_OPAQUE;
  std::size_t queued = 0;
  for (rd_kafka_message_t& message : messages) {
    value.u.mem = {message.payload, message.len};
    key.u.mem = {message.key, message.key_len};
    opaque.u.ptr = message._private;
    message.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (rd_kafka_error_t* error = rd_kafka_produceva(client_.get(), fields.data(), fields.size())) {
      message.err = rd_kafka_error_code(error);
      rd_kafka_error_destroy(error);
    } else {
      ++queued;
    }
  }
  return queued;
}

Outcome KafkaProducer::outcome_of(const rd_kafka_message_s& message) {
  return *static_cast<const Outcome*>(rd_kafka_topic_opaque(message.rkt));
}

void KafkaProducer::poll(std::chrono::milliseconds patience) {
  rd_kafka_poll(client_.get(), static_cast<int>(patience.count()));
}

void KafkaProducer::flush(std::chrono::milliseconds patience) {
  rd_kafka_flush(client_.get(), static_cast<int>(patience.count()));
}

void KafkaProducer::purge() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

std::string KafkaProducer::fatal_reason() const {
  std::array<char, 256> why{};
  rd_kafka_fatal_error(client_.get(), why.data(), why.size());
  return why.data();
}

}  // namespace estadio
