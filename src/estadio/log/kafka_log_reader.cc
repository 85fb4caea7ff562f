#include "estadio/log/kafka_log_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <span>

namespace estadio {
namespace {

// The latest time that an id of version 7 can have.
constexpr std::int64_t kTimeMaxMs = (std::int64_t{1} << 48) - 1;

}  // namespace

KafkaLogReader::KafkaLogReader(const Dependencies& deps, PartitionId partition)
    : deps_(deps), partition_(partition), taken_(kRecordsMax) {}

base::Result<std::unique_ptr<KafkaLogReader>> KafkaLogReader::open(const Dependencies& deps,
                                                                   PartitionId partition) {
  auto reader = std::unique_ptr<KafkaLogReader>(new KafkaLogReader(deps, partition));
  ASSIGN_OR_RETURN(reader->consumer_, deps.consumers.take(partition));
  const std::string topic = deps.topics.name_of(partition.topic);
  reader->topic_.reset(rd_kafka_topic_new(reader->consumer_->client(), topic.c_str(), nullptr));
  if (!reader->topic_) {
    return base::fail(kafka_error("reading " + reader->name(), rd_kafka_last_error()));
  }
  reader->queue_.reset(rd_kafka_queue_new(reader->consumer_->client()));
  reader->event_ = base::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!reader->event_) {
    return base::fail(base::Error::from_errno("reading " + reader->name(), errno));
  }
  const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(reader->queue_.get(), reader->event_.get(), &one, sizeof one);
  return reader;
}

KafkaLogReader::~KafkaLogReader() {
  held_.clear();
  if (queue_) rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
  stop_fetching();
  // The client may be destroyed with the consumer. Destroy its queue and topic before.
  queue_.reset();
  topic_.reset();
  if (consumer_) deps_.consumers.give_back(consumer_, partition_);
}

void KafkaLogReader::stop_fetching() {
  if (is_fetching_) rd_kafka_consume_stop(topic_.get(), partition_.number);
  is_fetching_ = false;
}

base::Result<void> KafkaLogReader::seek(std::int64_t offset) {
  ASSIGN_OR_RETURN(const KafkaOffsets::Range range, deps_.offsets.range(partition_));
  if (offset < 0 || offset > range.end) {
    return base::fail(
        base::Code::kInvalidArgument,
        fmt::format("{}: there is no offset {}: the log ends at {}", name(), offset, range.end));
  }
  if (offset < range.begin) {
    return base::fail(base::Code::kCorruption,
                      fmt::format("{}: the records from offset {} to {} are gone from Kafka: its "
                                  "topic was truncated; restore the topic",
                                  name(), offset, range.begin - 1));
  }
  held_.clear();
  stop_fetching();
  if (rd_kafka_consume_start_queue(topic_.get(), partition_.number, offset, queue_.get()) != 0) {
    return base::fail(kafka_error("reading " + name(), rd_kafka_last_error()));
  }
  is_fetching_ = true;
  position_ = offset;
  damage_.reset();
  return {};
}

base::Result<void> KafkaLogReader::read(std::vector<LoggedRecord>& records,
                                        std::chrono::nanoseconds patience) {
  records.clear();
  held_.clear();
  const base::Nanos deadline = deps_.clock.mono() + patience;
  while (true) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto drained = ::read(event_.get(), &ignored, sizeof ignored);
    RETURN_IF_ERROR(take(records));
    if (!records.empty()) return {};
    if (is_woken_.exchange(false)) return {};
    const auto ns = (deadline - deps_.clock.mono()).count();
    if (ns <= 0) return {};
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    pollfd event{.fd = event_.get(), .events = POLLIN, .revents = 0};
    if (::ppoll(&event, 1, &timeout, nullptr) < 0 && errno != EINTR) {
      return base::fail(base::Error::from_errno("reading " + name(), errno));
    }
  }
}

base::Result<void> KafkaLogReader::take(std::vector<LoggedRecord>& records) {
  const auto count = rd_kafka_consume_batch_queue(queue_.get(), 0, taken_.data(), taken_.size());
  if (count < 0) return base::fail(kafka_error("reading " + name(), rd_kafka_last_error()));
  for (rd_kafka_message_t* message : std::span(taken_).first(static_cast<std::size_t>(count))) {
    held_.emplace_back(message);
  }
  std::optional<base::Error> error;
  for (const auto& message : held_) {
    if (damage_) break;
    if (auto taken = take_one(*message, records); !taken) error = std::move(taken).error();
  }
  // Records before the damage are good. Other errors matter only when there are no records.
  if (!records.empty()) return {};
  if (damage_) return base::fail(*damage_);
  if (error) return base::fail(*std::move(error));
  return {};
}

base::Result<void> KafkaLogReader::take_one(const rd_kafka_message_s& message,
                                            std::vector<LoggedRecord>& records) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto error =
        kafka_error(fmt::format("reading {} at offset {}", name(), position_), message.err);
    if (error.code() == base::Code::kCorruption) damage_ = error;
    return base::fail(std::move(error));
  }
  if (message.offset != position_) {
    damage_.emplace(base::Code::kCorruption,
                    fmt::format("{}: expected the record of offset {}, got that of {}: records are "
                                "missing; restore the topic",
                                name(), position_, message.offset));
    return base::fail(*damage_);
  }
  records.push_back({.offset = message.offset,
                     .time_ms = time_of(message),
                     .line = {static_cast<const char*>(message.payload), message.len}});
  ++position_;
  return {};
}

std::int64_t KafkaLogReader::time_of(const rd_kafka_message_s& message) {
  rd_kafka_timestamp_type_t type{};
  // Another program may have written any time.
  return std::clamp<std::int64_t>(rd_kafka_message_timestamp(&message, &type), 0, kTimeMaxMs);
}

void KafkaLogReader::wake() {
  is_woken_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

}  // namespace estadio
