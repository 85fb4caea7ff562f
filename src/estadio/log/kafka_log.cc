#include "estadio/log/kafka_log.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "estadio/contest/record.h"
#include "estadio/log/kafka_log_reader.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollEvery{100};
constexpr std::chrono::seconds kProbeEvery{1};  // while no broker can be reached
constexpr milliseconds kProbePatience{500};
constexpr std::chrono::seconds kSendPatience{5};
constexpr std::chrono::seconds kReadPatience{5};
constexpr std::chrono::seconds kAskPatience{5};  // end_offset() and others
constexpr std::size_t kQueueBytesPerByte = 4;    // of librdkafka's bound to ours: it adds its own

int to_ms(milliseconds time) { return static_cast<int>(time.count()); }

}  // namespace

// A producer and its two topics.
class KafkaLog::Producer {
 public:
  static Outcome topic_of(const rd_kafka_message_s& message) {
    return *static_cast<const Outcome*>(rd_kafka_topic_opaque(message.rkt));
  }

  static base::Result<std::shared_ptr<Producer>> open(KafkaLog& log) {
    const Options& options = log.options_;
    const auto kbytes =
        std::max<std::size_t>(64 << 10, options.in_flight_bytes / 1024 * kQueueBytesPerByte);
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
             {"socket.timeout.ms", std::to_string(to_ms(kSendPatience))},
             {"socket.nagle.disable", "true"}}));
    rd_kafka_conf_set_opaque(conf.get(), &log);
    rd_kafka_conf_set_dr_msg_cb(conf.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                  static_cast<KafkaLog*>(opaque)->report(*message);
                                });
    rd_kafka_conf_set_error_cb(conf.get(),
                               [](rd_kafka_t*, int error, const char* reason, void* opaque) {
                                 static_cast<KafkaLog*>(opaque)->note_error(error, reason);
                               });
    auto producer = std::make_shared<Producer>();
    ASSIGN_OR_RETURN(producer->client_, kafka_producer(std::move(conf)));
    return producer;
  }

  // REQUIRES: the topics are there.
  base::Result<void> open_topics(const KafkaTopics& topics) {
    for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
      KafkaTopic& handle = topics_[static_cast<std::size_t>(topic)];
      rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client_.get());
      // So that reports tell it.
      rd_kafka_topic_conf_set_opaque(conf, &names_[static_cast<std::size_t>(topic)]);
      handle.reset(rd_kafka_topic_new(client_.get(), topics.name_of(topic).c_str(), conf));
      if (!handle) {
        return base::fail(
            kafka_error("opening the topic " + topics.name_of(topic), rd_kafka_last_error()));
      }
    }
    return {};
  }

  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }
  [[nodiscard]] rd_kafka_topic_t* topic(Outcome topic) const {
    return topics_[static_cast<std::size_t>(topic)].get();
  }

 private:
  std::array<Outcome, 2> names_ = {Outcome::kWinner, Outcome::kLoser};  // as reports tell them
  KafkaClient client_;
  std::array<KafkaTopic, 2> topics_;  // go first
};

KafkaLog::KafkaLog(Options options, base::Logger& log) : options_(std::move(options)), log_(log) {}

base::Result<std::unique_ptr<KafkaLog>> KafkaLog::open(const Options& options, base::Logger& log) {
  auto kafka = std::unique_ptr<KafkaLog>(new KafkaLog(options, log));
  ASSIGN_OR_RETURN(kafka->producer_, Producer::open(*kafka));
  ASSIGN_OR_RETURN(kafka->partitions_, prepare_topics(*kafka->producer_->client(), options.topics,
                                                      options.missing, options.open_patience, log));
  RETURN_IF_ERROR(kafka->use_partitions());
  kafka->known_ends_ =
      std::vector<std::atomic<std::int64_t>>(static_cast<std::size_t>(kafka->partitions_) * 2);
  RETURN_IF_ERROR(kafka->producer_->open_topics(options.topics));
  kafka->thread_ =
      std::jthread([raw = kafka.get()](const std::stop_token& stop) { raw->run_reports(stop); });
  return kafka;
}

base::Result<void> KafkaLog::use_partitions() {
  if (options_.partitions == 0 || options_.partitions == partitions_) return {};
  const std::string name = options_.topics.name_of(Outcome::kWinner);
  if (partitions_ < options_.partitions) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("the topic {} has {} partitions and the contest began with {}: "
                                  "its topics were deleted and made again",
                                  name, partitions_, options_.partitions));
  }
  log_.warning("the topics have more partitions than the contest began with: it goes on with those",
               {{"topic", name}, {"partitions", partitions_}, {"used", options_.partitions}});
  partitions_ = options_.partitions;
  return {};
}

KafkaLog::~KafkaLog() { stop(); }

void KafkaLog::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
  }
  thread_.request_stop();
  thread_.join();
  // Every record is delivered or given up within the delivery timeout, those of a late append too.
  const auto end = std::chrono::steady_clock::now() + options_.delivery_timeout * 2;
  rd_kafka_flush(producer()->client(), to_ms(options_.delivery_timeout * 2));
  while (has_waiting() && std::chrono::steady_clock::now() < end) {
    rd_kafka_poll(producer()->client(), to_ms(kPollEvery));
  }
}

bool KafkaLog::has_waiting() const {
  const std::scoped_lock lock(mutex_);
  return !waiting_.empty();
}

std::string KafkaLog::name_of(PartitionId id) const {
  return fmt::format("{}-{}", options_.topics.name_of(id.topic), id.number);
}

std::shared_ptr<KafkaLog::Producer> KafkaLog::producer() const {
  const std::scoped_lock lock(mutex_);
  return producer_;
}

void KafkaLog::append(const RecordBatch& batch, Done done) {
  CHECK(batch.partitions == partitions_);
  std::size_t bytes = 0;
  std::uint32_t records = 0;
  for (const RecordBatch::Part& part : batch.parts) {
    bytes += part.lines.size();
    records += part.count;
  }
  auto waiting = std::make_unique<Waiting>(std::move(done), bytes);
  waiting->records = records;
  // One more than there are, so that it does not end before all of them are given to the producer.
  waiting->left = records + 1;
  Waiting& mine = *waiting;
  const auto producer = admit(waiting);
  if (!producer) return mine.done(base::fail(producer.error()));
  for (std::size_t i = 0; i < batch.parts.size(); ++i) {
    if (batch.parts[i].count == 0) continue;
    const auto partitions = static_cast<std::size_t>(partitions_);
    produce(
        **producer,
        {.topic = static_cast<Outcome>(i / partitions), .number = static_cast<int>(i % partitions)},
        batch.parts[i], mine);
  }
  settle(mine, 1);
}

// Takes `waiting` into the order of what is on its way, or leaves it where it is and says why.
base::Result<std::shared_ptr<KafkaLog::Producer>> KafkaLog::admit(
    std::unique_ptr<Waiting>& waiting) {
  const std::scoped_lock lock(mutex_);
  if (is_stopped_) return base::fail(base::Code::kUnavailable, "the log has been closed");
  if (has_lost_) return base::fail(base::Code::kUnavailable, "Kafka has lost results");
  if (in_flight_bytes_ + waiting->bytes > options_.in_flight_bytes) {
    return base::fail(base::Code::kResourceExhausted, "the log has as much waiting as it may hold");
  }
  in_flight_bytes_ += waiting->bytes;
  waiting_.push_back(std::move(waiting));
  return producer_;
}

void KafkaLog::produce(Producer& producer, PartitionId to, const RecordBatch::Part& part,
                       Waiting& waiting) {
  std::vector<rd_kafka_message_t> messages;
  messages.reserve(part.count);
  std::string_view lines = part.lines;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    const std::string_view key = RecordFormat::id_text(line);
    rd_kafka_message_t message{};
    // librdkafka's type does not say const, and copies.
    message.payload = const_cast<char*>(line.data());
    message.len = line.size();
    message.key = const_cast<char*>(key.data());
    message.key_len = key.size();
    message._private = &waiting;
    messages.push_back(message);
    lines.remove_prefix(end + 1);
  }
  CHECK(messages.size() == part.count);
  const int queued =
      rd_kafka_produce_batch(producer.topic(to.topic), to.number, RD_KAFKA_MSG_F_COPY,
                             messages.data(), static_cast<int>(messages.size()));
  if (static_cast<std::size_t>(queued) == messages.size()) return;
  std::uint32_t refused = 0;
  for (const rd_kafka_message_t& message : messages) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    int none = 0;
    waiting.error.compare_exchange_strong(none, message.err);
    ++refused;
  }
  waiting.refused += refused;
  failed_ += refused;
  settle(waiting, refused);
}

// A delivery report: comes once for every record that was queued.
void KafkaLog::report(const rd_kafka_message_s& message) {
  Waiting& waiting = *static_cast<Waiting*>(message._private);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && is_after_all_before(message)) {
    records_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(message.len, std::memory_order_relaxed);
    if (is_away_.load(std::memory_order_relaxed) && is_away_.exchange(false)) {
      log_.info("Kafka is back");
    }
  } else {
    int none = 0;
    waiting.error.compare_exchange_strong(none, message.err);
    const bool is_refused = rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    ++(is_refused ? waiting.refused : waiting.unknown);
    ++failed_;
  }
  settle(waiting, 1);
}

// Notes the loss when it is not.
bool KafkaLog::is_after_all_before(const rd_kafka_message_s& message) {
  if (message.offset < 0) return true;  // the broker does not say
  const PartitionId at{.topic = Producer::topic_of(message), .number = message.partition};
  auto& end = known_end(at);
  if (message.offset < end.load(std::memory_order_relaxed)) {
    note_lost(at);
    return false;
  }
  end.store(message.offset + 1, std::memory_order_relaxed);
  return true;
}

// `records` more of the append's records have a result. The thread that brings the last one calls
// `done` of every append that is next in order, one thread at a time.
void KafkaLog::settle(Waiting& waiting, std::uint32_t records) {
  if (waiting.left.fetch_sub(records) != records) return;
  std::unique_lock lock(mutex_);
  if (is_answering_) return;  // that thread looks again
  is_answering_ = true;
  while (!waiting_.empty() && waiting_.front()->left == 0) {
    const std::unique_ptr<Waiting> next = std::move(waiting_.front());
    waiting_.pop_front();
    in_flight_bytes_ -= next->bytes;
    lock.unlock();
    next->done(outcome_of(*next));
    lock.lock();
  }
  is_answering_ = false;
}

base::Result<void> KafkaLog::outcome_of(const Waiting& waiting) {
  if (waiting.refused == 0 && waiting.unknown == 0) return {};
  base::Error error = kafka_error("writing to Kafka", waiting.error);
  const bool is_all_refused = waiting.refused == waiting.records;
  if (is_all_refused) {
    const bool is_full = error.code() == base::Code::kResourceExhausted;
    return base::fail(is_full ? base::Code::kResourceExhausted : base::Code::kUnavailable,
                      error.message());
  }
  return base::fail(base::Code::kDeadlineExceeded, error.message());
}

void KafkaLog::note_error(int error, std::string_view reason) {
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    note_away();
    return;
  }
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    has_failed_ = true;
    return;
  }
  const base::Error known = kafka_error("Kafka", error);
  if (known.code() == base::Code::kFailedPrecondition) {
    // Every attempt would be a line of the log otherwise.
    if (std::exchange(refused_with_, error) == error) return;
    log_.error("Kafka refuses us", {{"error", known}, {"reason", reason}});
  } else {
    log_.debug("Kafka", {{"error", known}, {"reason", reason}});
  }
}

void KafkaLog::run_reports(const std::stop_token& stop) {
  auto probed = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    rd_kafka_poll(producer()->client(), to_ms(kPollEvery));
    if (has_failed_.exchange(false)) replace_failed_producer();
    // While /readyz fails no traffic may arrive, so probe the broker.
    const auto now = std::chrono::steady_clock::now();
    if (!is_away_ || now - probed < kProbeEvery) continue;
    probed = now;
    if (answers() && is_away_.exchange(false)) log_.info("Kafka is back");
  }
}

// An idempotent producer that has lost its order for good takes nothing more. Its records are given
// up, and another producer takes its place.
void KafkaLog::replace_failed_producer() {
  const std::shared_ptr<Producer> failed = producer();
  std::array<char, 256> why{};
  rd_kafka_fatal_error(failed->client(), why.data(), why.size());
  log_.error("the producer has failed and is replaced", {{"reason", why.data()}});
  auto fresh = Producer::open(*this);
  if (fresh) {
    if (auto opened = (*fresh)->open_topics(options_.topics); !opened) {
      fresh = base::fail(std::move(opened).error());
    }
  }
  if (fresh) {
    const std::scoped_lock lock(mutex_);
    producer_ = *std::move(fresh);
  } else {
    log_.error("the producer cannot be replaced yet", {{"error", fresh.error()}});
    has_failed_ = true;  // tried again
  }
  rd_kafka_purge(failed->client(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(failed->client(), to_ms(options_.delivery_timeout));
}

std::atomic<std::int64_t>& KafkaLog::known_end(PartitionId id) const {
  return known_ends_[static_cast<std::size_t>(id.topic) * static_cast<std::size_t>(partitions_) +
                     static_cast<std::size_t>(id.number)];
}

// Offsets only grow. What comes out of one that was there before is another topic, or one that lost
// its end: nothing more must be promised.
void KafkaLog::note_lost(PartitionId id) const {
  if (has_lost_.exchange(true)) return;
  log_.error(
      "Kafka has lost results that it acknowledged: the topic was deleted and made again, or "
      "lost its end; nothing more is taken",
      {{"partition", name_of(id)}});
}

bool KafkaLog::answers() const {
  return ask_for_brokers(*producer()->client(), to_ms(kProbePatience)) ==
         RD_KAFKA_RESP_ERR_NO_ERROR;
}

void KafkaLog::note_away() const {
  if (is_away_.exchange(true)) return;
  log_.warning("Kafka is away: no broker can be reached", {{"brokers", options_.cluster.brokers}});
}

// Returns the offset that ListOffsets has for a time in ms, or for RD_KAFKA_OFFSET_BEGINNING or
// _END. The call for both ends, rd_kafka_query_watermark_offsets(), never gives up a silent broker.
base::Result<std::int64_t> KafkaLog::ask(PartitionId id, std::int64_t time) const {
  const std::string what = "asking for an offset of " + name_of(id);
  if (is_away_) {
    return base::fail(base::Code::kUnavailable, fmt::format("{}: Kafka is away", what));
  }
  const KafkaPartitions asked(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(asked.get(), options_.topics.name_of(id.topic).c_str(),
                                    id.number)
      ->offset = time;
  auto error = rd_kafka_offsets_for_times(producer()->client(), asked.get(), to_ms(kAskPatience));
  const rd_kafka_topic_partition_t& answer = asked->elems[0];
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = answer.err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return answer.offset;
  // If no broker answers, mark Kafka away, so that later queries fail at once.
  if (error == RD_KAFKA_RESP_ERR__TIMED_OUT && !answers()) note_away();
  return base::fail(kafka_error(what, error));
}

base::Result<KafkaLog::OffsetRange> KafkaLog::offset_range(PartitionId id) const {
  OffsetRange range;
  ASSIGN_OR_RETURN(range.begin, ask(id, RD_KAFKA_OFFSET_BEGINNING));
  ASSIGN_OR_RETURN(range.end, ask(id, RD_KAFKA_OFFSET_END));
  return range;
}

base::Result<std::int64_t> KafkaLog::end_offset(PartitionId id) const {
  const std::int64_t known = known_end(id).load(std::memory_order_relaxed);
  ASSIGN_OR_RETURN(const std::int64_t end, ask(id, RD_KAFKA_OFFSET_END));
  if (end < known) note_lost(id);
  return end;
}

base::Result<std::int64_t> KafkaLog::offset_before(PartitionId id, std::int64_t time_ms) const {
  ASSIGN_OR_RETURN(const std::int64_t offset, ask(id, std::max<std::int64_t>(0, time_ms)));
  // None when all records are older than that.
  return offset < 0 ? end_offset(id) : offset;
}

base::Result<base::Uuid> KafkaLog::incarnation(PartitionId id) const {
  ASSIGN_OR_RETURN(const std::int64_t end, end_offset(id));
  if (end == 0) return base::Uuid();
  ASSIGN_OR_RETURN(const auto reader, read_from(id, 0));
  std::vector<LoggedRecord> records;
  RETURN_IF_ERROR(reader->read(records, kReadPatience));
  if (records.empty()) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("{}: its first record does not come", name_of(id)));
  }
  const std::string first =
      fmt::format("{}\n{}\n{}", name_of(id), records.front().time_ms, records.front().line);
  const XXH128_hash_t digest = XXH3_128bits(first.data(), first.size());
  base::Uuid incarnation;
  std::memcpy(incarnation.bytes.data(), &digest.low64, 8);
  std::memcpy(incarnation.bytes.data() + 8, &digest.high64, 8);
  // Version 8 of RFC 9562, whose bits are the maker's: so it is never nil.
  incarnation.bytes[6] = static_cast<std::uint8_t>((incarnation.bytes[6] & 0x0F) | 0x80);
  incarnation.bytes[8] = static_cast<std::uint8_t>((incarnation.bytes[8] & 0x3F) | 0x80);
  return incarnation;
}

KafkaLog::Stats KafkaLog::stats() const {
  return {.records = records_,
          .bytes = bytes_,
          .failed = failed_,
          .is_away = is_away_,
          .has_lost = has_lost_};
}

void write_metrics(base::MetricsWriter& metrics, const KafkaLog::Stats& stats) {
  metrics.counter("estadio_log_records_total", "Records made durable.", stats.records);
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.", stats.bytes);
  metrics.counter("estadio_log_failed_records_total", "Records that were given up.", stats.failed);
  metrics.gauge("estadio_kafka_away", "1 while no broker can be reached.", stats.is_away);
}

}  // namespace estadio
