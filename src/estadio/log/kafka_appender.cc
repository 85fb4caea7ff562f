#include "estadio/log/kafka_appender.h"

#include <librdkafka/rdkafka.h>
#include <vector>

#include "base/check.h"
#include "estadio/contest/record.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kPollEvery{100};
// librdkafka looks once a second for records whose delivery timeout has passed.
constexpr std::chrono::seconds kTimeoutDelay{2};

}  // namespace

KafkaAppender::KafkaAppender(const KafkaProducer::Options& options, const Dependencies& deps)
    : options_(options), deps_(deps), queue_(options.in_flight_bytes) {}

base::Result<std::unique_ptr<KafkaAppender>> KafkaAppender::open(
    const KafkaProducer::Options& options, const Dependencies& deps) {
  auto appender = std::unique_ptr<KafkaAppender>(new KafkaAppender(options, deps));
  ASSIGN_OR_RETURN(appender->producer_, appender->open_producer());
  return appender;
}

base::Result<std::shared_ptr<KafkaProducer>> KafkaAppender::open_producer() {
  return KafkaProducer::open(options_,
                             {.owner = this,
                              .on_delivery =
                                  [](rd_kafka_t*, const rd_kafka_message_t* message, void* owner) {
                                    static_cast<KafkaAppender*>(owner)->on_delivery(*message);
                                  },
                              .on_error =
                                  [](rd_kafka_t*, int error, const char* reason, void* owner) {
                                    static_cast<KafkaAppender*>(owner)->on_error(error, reason);
                                  }});
}

base::Result<void> KafkaAppender::start(AcknowledgedEnds& ends) {
  ends_ = &ends;
  RETURN_IF_ERROR(producer_->open_topics(options_.topics));
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

KafkaAppender::~KafkaAppender() { stop(); }

void KafkaAppender::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
  }
  thread_.request_stop();
  thread_.join();
  // Every record is delivered or given up within this time, those of a late append too.
  const std::chrono::milliseconds patience = options_.delivery_timeout * 2 + kTimeoutDelay;
  const KafkaDeadline deadline(deps_.clock, patience);
  producer()->flush(patience);
  while (has_pending() && !deadline.has_passed()) producer()->poll(kPollEvery);
}

bool KafkaAppender::has_pending() const {
  const std::scoped_lock lock(mutex_);
  return !queue_.is_empty();
}

std::shared_ptr<KafkaProducer> KafkaAppender::producer() const {
  const std::scoped_lock lock(mutex_);
  return producer_;
}

void KafkaAppender::append(const RecordBatch& batch, EventLog::Done done) {
  CHECK(ends_ != nullptr && batch.partitions == ends_->partitions());
  std::size_t bytes = 0;
  std::uint32_t records = 0;
  for (const RecordBatch::Part& part : batch.parts) {
    bytes += part.lines.size();
    records += part.count;
  }
  auto append = std::make_unique<PendingAppend>(std::move(done), records, bytes);
  PendingAppend& mine = *append;
  const auto producer = admit(append);
  if (!producer) return mine.refuse(producer.error());
  for (std::size_t i = 0; i < batch.parts.size(); ++i) {
    if (batch.parts[i].count == 0) continue;
    const auto partitions = static_cast<std::size_t>(batch.partitions);
    produce(
        **producer,
        {.topic = static_cast<Outcome>(i / partitions), .number = static_cast<int>(i % partitions)},
        batch.parts[i], batch.time_ms, mine);
  }
  settle(mine, 1);
}

// Moves `append` into the queue, or leaves it where it is and says why.
base::Result<std::shared_ptr<KafkaProducer>> KafkaAppender::admit(
    std::unique_ptr<PendingAppend>& append) {
  const std::scoped_lock lock(mutex_);
  if (is_stopped_) {
    return base::fail(base::Code::kUnavailable,
                      "the log is closed, because the process is stopping: try again later");
  }
  if (ends_->has_lost()) {
    return base::fail(base::Code::kUnavailable,
                      "Kafka has lost results that it acknowledged: see the process' log");
  }
  RETURN_IF_ERROR(queue_.add(append));
  return producer_;
}

void KafkaAppender::produce(KafkaProducer& producer, PartitionId to, const RecordBatch::Part& part,
                            std::int64_t time_ms, PendingAppend& append) {
  std::vector<rd_kafka_message_t> messages;
  messages.reserve(part.count);
  std::string_view lines = part.lines;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    const std::string_view key =
        RecordFormat::is_end_mark(line) ? std::string_view() : RecordFormat::id_text(line);
    rd_kafka_message_t message{};
    // librdkafka's type does not say const, and copies.
    message.payload = const_cast<char*>(line.data());
    message.len = line.size();
    message.key = const_cast<char*>(key.data());
    message.key_len = key.size();
    message._private = &append;
    messages.push_back(message);
    lines.remove_prefix(end + 1);
  }
  CHECK(messages.size() == part.count);
  const std::size_t queued = part.has_given_ids ? producer.produce_at(to, messages, time_ms)
                                                : producer.produce(to, messages);
  if (queued == messages.size()) return;
  std::uint32_t refused = 0;
  for (const rd_kafka_message_t& message : messages) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    append.note_refused(message.err);
    ++refused;
  }
  failed_ += refused;
  settle(append, refused);
}

// Comes once for every record that was queued.
void KafkaAppender::on_delivery(const rd_kafka_message_s& message) {
  PendingAppend& append = *static_cast<PendingAppend*>(message._private);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && is_after_all_before(message)) {
    records_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(message.len, std::memory_order_relaxed);
    deps_.health.note_answer();
  } else {
    const bool is_refused = rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    if (is_refused) {
      append.note_refused(message.err);
    } else {
      append.note_unknown(message.err);
    }
    ++failed_;
  }
  settle(append, 1);
}

bool KafkaAppender::is_after_all_before(const rd_kafka_message_s& message) {
  if (message.offset < 0) return true;  // the broker does not say
  return ends_->advance({.topic = KafkaProducer::outcome_of(message), .number = message.partition},
                        message.offset, {static_cast<const char*>(message.payload), message.len});
}

void KafkaAppender::settle(PendingAppend& append, std::uint32_t records) {
  if (!append.settle(records)) return;
  std::unique_lock lock(mutex_);
  queue_.answer_settled(lock);
}

void KafkaAppender::on_error(int error, std::string_view reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    has_failed_ = true;
  } else {
    deps_.health.note_error(error, reason);
  }
}

void KafkaAppender::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    producer()->poll(kPollEvery);
    if (has_failed_.exchange(false)) replace_failed_producer();
    // While /readyz fails no traffic may arrive, so probe the cluster.
    if (deps_.health.claim_probe()) deps_.health.probe(producer()->client());
  }
}

// An idempotent producer that has lost its order for good takes nothing more. Its records are given
// up, and another producer takes its place.
void KafkaAppender::replace_failed_producer() {
  const std::shared_ptr<KafkaProducer> failed = producer();
  deps_.log.error("Kafka's producer has failed: another one replaces it",
                  {{"reason", failed->fatal_reason()}});
  auto fresh = open_producer();
  if (fresh) {
    if (auto opened = (*fresh)->open_topics(options_.topics); !opened) {
      fresh = base::fail(std::move(opened).error());
    }
  }
  if (fresh) {
    const std::scoped_lock lock(mutex_);
    producer_ = *std::move(fresh);
  } else {
    deps_.log.error("Kafka's producer cannot be replaced yet: it is tried again",
                    {{"error", fresh.error()}});
    has_failed_ = true;
  }
  failed->purge();
  failed->flush(options_.delivery_timeout);
}

KafkaAppender::Stats KafkaAppender::stats() const {
  return {.records = records_, .bytes = bytes_, .failed = failed_};
}

}  // namespace estadio
