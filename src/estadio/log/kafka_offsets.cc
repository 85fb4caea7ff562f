#include "estadio/log/kafka_offsets.h"

#include <algorithm>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <utility>

#include "estadio/log/kafka_client.h"

namespace estadio {
namespace {

constexpr int kAskPatienceMs = 5000;

}  // namespace

KafkaOffsets::KafkaOffsets(KafkaTopics topics, const Dependencies& deps)
    : topics_(std::move(topics)), deps_(deps) {}

// Returns the offset that ListOffsets has for a time in ms, or for RD_KAFKA_OFFSET_BEGINNING or
// _END. The call for both ends, rd_kafka_query_watermark_offsets(), never gives up a silent broker.
base::Result<std::int64_t> KafkaOffsets::ask(PartitionId id, std::int64_t time) {
  const std::string what = "asking for an offset of " + topics_.name_of(id);
  if (deps_.health.is_away()) {
    return base::fail(base::Code::kUnavailable, fmt::format("{}: Kafka is away", what));
  }
  const KafkaPartitions asked(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(asked.get(), topics_.name_of(id.topic).c_str(), id.number)
      ->offset = time;
  const auto producer = deps_.appender.producer();
  auto error = rd_kafka_offsets_for_times(&producer->client(), asked.get(), kAskPatienceMs);
  const rd_kafka_topic_partition_t& answer = asked->elems[0];
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = answer.err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return answer.offset;
  // If no broker answers, mark Kafka away, so that later queries fail at once.
  if (error == RD_KAFKA_RESP_ERR__TIMED_OUT) deps_.health.probe(producer->client());
  return base::fail(kafka_error(what, error));
}

base::Result<KafkaOffsets::Range> KafkaOffsets::range(PartitionId id) {
  Range range;
  ASSIGN_OR_RETURN(range.begin, ask(id, RD_KAFKA_OFFSET_BEGINNING));
  ASSIGN_OR_RETURN(range.end, ask(id, RD_KAFKA_OFFSET_END));
  return range;
}

base::Result<std::int64_t> KafkaOffsets::end(PartitionId id) {
  // Read before the question: Kafka acknowledges more records meanwhile.
  const std::int64_t acknowledged = deps_.ends.end(id);
  ASSIGN_OR_RETURN(const std::int64_t end, ask(id, RD_KAFKA_OFFSET_END));
  if (end < acknowledged) deps_.ends.note_lost(id);
  return end;
}

base::Result<std::int64_t> KafkaOffsets::at_time(PartitionId id, std::int64_t time_ms) {
  ASSIGN_OR_RETURN(const std::int64_t offset, ask(id, std::max<std::int64_t>(0, time_ms)));
  // Kafka has none when every record is older.
  return offset < 0 ? end(id) : offset;
}

}  // namespace estadio
