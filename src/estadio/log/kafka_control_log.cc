#include "estadio/log/kafka_control_log.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <librdkafka/rdkafka.h>
#include <simdjson.h>
#include <string>
#include <string_view>

#include "base/json.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using Kind = ControlRecord::Kind;

constexpr std::size_t kRecordsMax = 1000;  // of one read

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kHeartbeat: return "heartbeat";
    case Kind::kClosing: return "closing";
    case Kind::kClosed: return "closed";
  }
  return {};
}

std::string to_json(const ControlRecord& record) {
  std::string json =
      fmt::format(R"({{"kind":"{}","judge":"{}",)", name_of(record.kind), record.judge.to_string());
  if (record.kind == Kind::kHeartbeat) return json + fmt::format(R"("number":{}}})", record.number);
  return json + fmt::format(R"("offsets":[{}]}})", fmt::join(record.offsets, ","));
}

std::string key_of(const ControlRecord& record) {
  return fmt::format("{}-{}", name_of(record.kind), record.judge.to_string());
}

// Reads a record that is no manifest. Returns nothing when it has another form.
std::optional<ControlRecord> read_record(simdjson::dom::object object, std::size_t partitions) {
  std::string_view kind;
  std::string_view judge;
  if (object["kind"].get(kind) != simdjson::SUCCESS ||
      object["judge"].get(judge) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const auto id = base::Uuid::parse(judge);
  if (!id) return std::nullopt;
  ControlRecord record{.judge = *id, .offsets = {}};
  if (kind == name_of(Kind::kHeartbeat)) {
    if (object["number"].get(record.number) != simdjson::SUCCESS) return std::nullopt;
    return record;
  }
  if (kind != name_of(Kind::kClosing) && kind != name_of(Kind::kClosed)) return std::nullopt;
  record.kind = kind == name_of(Kind::kClosing) ? Kind::kClosing : Kind::kClosed;
  simdjson::dom::array offsets;
  if (object["offsets"].get(offsets) != simdjson::SUCCESS) return std::nullopt;
  for (const simdjson::dom::element each : offsets) {
    std::int64_t offset = 0;
    if (each.get(offset) != simdjson::SUCCESS || offset < 0) return std::nullopt;
    record.offsets.push_back(offset);
  }
  if (record.offsets.size() != partitions) return std::nullopt;
  return record;
}

}  // namespace

base::Result<std::unique_ptr<KafkaControlLog>> KafkaControlLog::open(const Options& options) {
  auto log = std::unique_ptr<KafkaControlLog>(new KafkaControlLog(options));
  RETURN_IF_ERROR(log->connect());
  return log;
}

base::Result<void> KafkaControlLog::connect() {
  const std::string name = options_.topics.contest_name();
  ASSIGN_OR_RETURN(
      KafkaConf writing,
      kafka_conf(options_.cluster,
                 {{"acks", "all"},
                  {"enable.idempotence", "true"},
                  {"message.timeout.ms", std::to_string(milliseconds(kGiveUpAfter).count())}}));
  ASSIGN_OR_RETURN(producer_, kafka_producer(std::move(writing)));
  ASSIGN_OR_RETURN(KafkaConf reading,
                   kafka_conf(options_.cluster, {{"auto.offset.reset", "error"},
                                                 {"enable.partition.eof", "true"},
                                                 {"fetch.wait.max.ms", "100"},
                                                 {"check.crcs", "true"}}));
  ASSIGN_OR_RETURN(consumer_, kafka_consumer(std::move(reading)));
  to_.reset(rd_kafka_topic_new(producer_.get(), name.c_str(), nullptr));
  from_.reset(rd_kafka_topic_new(consumer_.get(), name.c_str(), nullptr));
  if (!to_ || !from_ || rd_kafka_consume_start(from_.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
    return base::fail(kafka_error("opening the topic " + name, rd_kafka_last_error()));
  }
  is_reading_ = true;
  return {};
}

KafkaControlLog::~KafkaControlLog() {
  if (is_reading_) rd_kafka_consume_stop(from_.get(), 0);
  // Topics are destroyed before their clients.
  from_.reset();
  to_.reset();
}

void KafkaControlLog::append(const ControlRecord& record) {
  std::string json = to_json(record);
  const std::string key = key_of(record);
  rd_kafka_produce(to_.get(), 0, RD_KAFKA_MSG_F_COPY, json.data(), json.size(), key.data(),
                   key.size(), nullptr);
  rd_kafka_poll(producer_.get(), 0);
}

base::Result<void> KafkaControlLog::read(std::vector<ControlRecord>& records,
                                         std::chrono::nanoseconds patience) {
  records.clear();
  if (damage_) return base::fail(*damage_);
  rd_kafka_poll(producer_.get(), 0);
  const auto patience_ms =
      static_cast<int>(std::chrono::duration_cast<milliseconds>(patience).count());
  while (records.size() < kRecordsMax) {
    const int wait_ms = records.empty() ? patience_ms : 0;
    const KafkaMessage message(rd_kafka_consume(from_.get(), 0, wait_ms));
    if (!message) return {};
    is_at_end_ = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (is_at_end_) return {};  // comes once after the last record
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const auto taken = take(*message, records);
      // Records before the damage are good.
      if (!taken && records.empty()) return base::fail(taken.error());
      if (!taken) return {};
    } else if (records.empty()) {
      return base::fail(
          kafka_error("reading the topic " + options_.topics.contest_name(), message->err));
    }
  }
  return {};
}

base::Result<void> KafkaControlLog::take(const rd_kafka_message_s& message,
                                         std::vector<ControlRecord>& records) {
  auto record = parse(message);
  if (!record) {
    damage_ = record.error();
    return base::fail(*damage_);
  }
  if (*record) records.push_back(**std::move(record));
  return {};
}

base::Result<std::optional<ControlRecord>> KafkaControlLog::parse(
    const rd_kafka_message_s& message) const {
  if (message.payload == nullptr) return std::nullopt;
  const std::string_view json(static_cast<const char*>(message.payload), message.len);
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  std::optional<ControlRecord> record;
  if (parser.parse(simdjson::padded_string(json)).get(object) == simdjson::SUCCESS) {
    // Only manifests have a commitment.
    if (object["coin_commitment"].error() == simdjson::SUCCESS) return std::nullopt;
    record = read_record(object, static_cast<std::size_t>(options_.partitions) * 2);
  }
  if (!record) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format("the topic {} has a record at offset {} that this version does not know: a "
                    "newer estadio may have written it; use that one",
                    options_.topics.contest_name(), message.offset));
  }
  rd_kafka_timestamp_type_t type{};
  record->appended_ms = rd_kafka_message_timestamp(&message, &type);
  return record;
}

}  // namespace estadio
