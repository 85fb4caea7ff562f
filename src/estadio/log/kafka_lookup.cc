#include "estadio/log/kafka_lookup.h"

#include <algorithm>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <utility>

#include "estadio/log/kafka_log_reader.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};

}  // namespace

KafkaLookup::KafkaLookup(KafkaCluster cluster, KafkaTopics topics, int partitions,
                         const base::Clock& clock)
    : cluster_(std::move(cluster)),
      names_(std::move(topics)),
      clock_(clock),
      partitions_(static_cast<std::size_t>(partitions) * 2) {}

// The client is destroyed after its queues and topics.
KafkaLookup::~KafkaLookup() {
  for (Partition& partition : partitions_) partition.queue.reset();
  for (KafkaTopic& topic : topics_) topic.reset();
}

base::Result<void> KafkaLookup::open() {
  const std::scoped_lock lock(mutex_);
  if (topics_[1]) return {};
  ASSIGN_OR_RETURN(KafkaConf conf,
                   kafka_conf(cluster_, {// A missing offset is an error: do not go on elsewhere.
                                         {"auto.offset.reset", "error"},
                                         {"enable.auto.offset.store", "false"},
                                         {"check.crcs", "true"},
                                         // With a full queue librdkafka 2.0 waits for a second.
                                         {"queued.min.messages", "10000000"},
                                         {"queued.max.messages.kbytes", "65536"},
                                         {"fetch.message.max.bytes", "1024"},
                                         // The record is there, so the cluster need not wait.
                                         {"fetch.min.bytes", "1"},
                                         {"fetch.wait.max.ms", "1"},
                                         {"fetch.error.backoff.ms", "50"},
                                         {"allow.auto.create.topics", "false"}}));
  ASSIGN_OR_RETURN(client_, kafka_consumer(std::move(conf)));
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    auto& handle = topics_[static_cast<std::size_t>(topic)];
    handle.reset(rd_kafka_topic_new(client_.get(), names_.name_of(topic).c_str(), nullptr));
    if (!handle) {
      return base::fail(kafka_error("reading " + names_.name_of(topic), rd_kafka_last_error()));
    }
  }
  return {};
}

base::Result<CopiedRecord> KafkaLookup::read(PartitionId id, std::int64_t offset) {
  RETURN_IF_ERROR(open());
  Partition& partition = partitions_[index_of(id, static_cast<int>(partitions_.size() / 2))];
  rd_kafka_topic_t* topic = topics_[static_cast<std::size_t>(id.topic)].get();
  const std::scoped_lock lock(partition.mutex);
  if (!partition.queue) partition.queue.reset(rd_kafka_queue_new(client_.get()));
  if (rd_kafka_consume_start_queue(topic, id.number, offset, partition.queue.get()) != 0) {
    return base::fail(kafka_error("reading " + names_.name_of(id), rd_kafka_last_error()));
  }
  // At its end a log sends nothing, so ask where it ends. The question also wakes the client's
  // thread, which may sleep for a second otherwise before it fetches.
  const auto end = end_of(id);
  base::Result<CopiedRecord> record = base::fail(lost_end(id, offset, end.value_or(0)));
  if (!end) {
    record = base::fail(end.error());
  } else if (offset < *end) {
    record = receive(id, *partition.queue, offset);
  }
  rd_kafka_consume_stop(topic, id.number);
  return record;
}

base::Result<std::int64_t> KafkaLookup::end_of(PartitionId id) {
  const KafkaPartitions asked(rd_kafka_topic_partition_list_new(1));
  const rd_kafka_topic_partition_t& answer = asked->elems[0];
  rd_kafka_topic_partition_list_add(asked.get(), names_.name_of(id.topic).c_str(), id.number)
      ->offset = RD_KAFKA_OFFSET_END;
  auto error =
      rd_kafka_offsets_for_times(client_.get(), asked.get(), static_cast<int>(kPatience.count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = answer.err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return answer.offset;
  return base::fail(kafka_error("asking for the end of " + names_.name_of(id), error));
}

base::Result<CopiedRecord> KafkaLookup::receive(PartitionId id, rd_kafka_queue_t& queue,
                                                std::int64_t offset) {
  const std::string what = fmt::format("reading {} at offset {}", names_.name_of(id), offset);
  const base::Nanos deadline = clock_.mono() + kPatience;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.mono());
    const KafkaMessage message(
        rd_kafka_consume_queue(&queue, std::max(0, static_cast<int>(left.count()))));
    if (!message) return base::fail(base::Code::kUnavailable, what + ": no answer");
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return base::fail(kafka_error(what, message->err));
    }
    if (message->offset < offset) continue;  // of the lookup before
    if (message->offset > offset) {
      return base::fail(base::Code::kCorruption,
                        fmt::format("{}: got the record of offset {}: records are missing; restore "
                                    "the topic",
                                    what, message->offset));
    }
    return CopiedRecord{
        .offset = offset,
        .time_ms = KafkaLogReader::time_of(*message),
        .line = std::string(static_cast<const char*>(message->payload), message->len)};
  }
}

}  // namespace estadio
