#include "estadio/log/kafka_log.h"

#include <cstring>
#include <fmt/format.h>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "estadio/contest/record.h"
#include "estadio/log/kafka_log_reader.h"

namespace estadio {
namespace {

constexpr std::chrono::seconds kReadPatience{5};

KafkaProducer::Options producer_options(const KafkaLog::Options& options) {
  return {.cluster = options.cluster,
          .topics = options.topics,
          .linger = options.linger,
          .delivery_timeout = options.delivery_timeout,
          .in_flight_bytes = options.in_flight_bytes};
}

// The incarnation of a partition whose first record is `first`.
base::Uuid incarnation_of(const std::string& partition, const LoggedRecord& first) {
  const std::string text = fmt::format("{}\n{}\n{}", partition, first.time_ms, first.line);
  const XXH128_hash_t digest = XXH3_128bits(text.data(), text.size());
  base::Uuid incarnation;
  std::memcpy(incarnation.bytes.data(), &digest.low64, 8);
  std::memcpy(incarnation.bytes.data() + 8, &digest.high64, 8);
  // Version 8 of RFC 9562, whose bits are the maker's: so it is never nil.
  incarnation.bytes[6] = static_cast<std::uint8_t>((incarnation.bytes[6] & 0x0F) | 0x80);
  incarnation.bytes[8] = static_cast<std::uint8_t>((incarnation.bytes[8] & 0x3F) | 0x80);
  return incarnation;
}

}  // namespace

KafkaLog::KafkaLog(const Options& options, const base::Clock& clock, base::Logger& log)
    : options_(options), clock_(clock), log_(log), health_(options.cluster.brokers, clock, log) {}

base::Result<std::unique_ptr<KafkaLog>> KafkaLog::open(const Options& options,
                                                       const base::Clock& clock,
                                                       base::Logger& log) {
  auto kafka = std::unique_ptr<KafkaLog>(new KafkaLog(options, clock, log));
  RETURN_IF_ERROR(kafka->connect());
  return kafka;
}

base::Result<void> KafkaLog::connect() {
  ASSIGN_OR_RETURN(appender_,
                   KafkaAppender::open(producer_options(options_),
                                       {.health = health_, .clock = clock_, .log = log_}));
  ASSIGN_OR_RETURN(
      const int of_topics,
      prepare_topics(appender_->producer()->client(), options_.topics, options_.missing,
                     KafkaDeadline(clock_, options_.open_patience), log_));
  ASSIGN_OR_RETURN(const int partitions, usable_partitions(of_topics));
  ends_ = std::make_unique<AcknowledgedEnds>(options_.topics, partitions, log_);
  RETURN_IF_ERROR(appender_->start(*ends_));
  offsets_ = std::make_unique<KafkaOffsets>(
      options_.topics,
      KafkaOffsets::Dependencies{.appender = *appender_, .health = health_, .ends = *ends_});
  consumers_ = std::make_unique<KafkaConsumers>(options_.cluster, partitions);
  lookup_ = std::make_unique<KafkaLookup>(options_.cluster, options_.topics, partitions, clock_);
  return {};
}

// Returns how many partitions of each topic the contest uses.
base::Result<int> KafkaLog::usable_partitions(int of_topics) const {
  if (options_.partitions == 0 || options_.partitions == of_topics) return of_topics;
  const std::string name = options_.topics.name_of(Outcome::kWinner);
  if (of_topics < options_.partitions) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format("the topic {} has {} partitions, and the contest began with {}: the topic was "
                    "deleted and made again; restore it, or begin another contest with other "
                    "topics (--topic-prefix)",
                    name, of_topics, options_.partitions));
  }
  log_.warning(
      "the topics have more partitions than the contest began with: it uses the first ones",
      {{"topic", name}, {"partitions", of_topics}, {"used", options_.partitions}});
  return options_.partitions;
}

KafkaLog::~KafkaLog() = default;

void KafkaLog::stop() { appender_->stop(); }

void KafkaLog::append(const RecordBatch& batch, Done done) {
  if (is_ending_.load(std::memory_order_relaxed)) {
    return done(
        base::fail(base::Code::kUnavailable, "the contest is over: the log takes no new entries"));
  }
  appender_->append(batch, std::move(done));
}

void KafkaLog::append_end_marks(Done done) {
  is_ending_ = true;
  RecordBatch marks(partitions());
  for (RecordBatch::Part& part : marks.parts) {
    part.lines = std::string(RecordFormat::kEndMark) + '\n';
    part.count = 1;
  }
  appender_->append(marks, std::move(done));
}

base::Result<std::int64_t> KafkaLog::end_offset(PartitionId id) { return offsets_->end(id); }

base::Result<std::int64_t> KafkaLog::offset_before(PartitionId id, std::int64_t time_ms) {
  return offsets_->at_time(id, time_ms);
}

base::Result<std::unique_ptr<PartitionReader>> KafkaLog::read_from(PartitionId id,
                                                                   std::int64_t offset) {
  ASSIGN_OR_RETURN(auto reader, KafkaLogReader::open({.topics = options_.topics,
                                                      .consumers = *consumers_,
                                                      .offsets = *offsets_,
                                                      .clock = clock_},
                                                     id));
  RETURN_IF_ERROR(reader->seek(offset));
  return reader;
}

base::Result<CopiedRecord> KafkaLog::read_again(PartitionId id, std::int64_t offset) {
  return lookup_->read(id, offset);
}

base::Result<base::Uuid> KafkaLog::incarnation(PartitionId id) {
  ASSIGN_OR_RETURN(const std::int64_t end, end_offset(id));
  if (end == 0) return base::Uuid();
  ASSIGN_OR_RETURN(const auto reader, read_from(id, 0));
  std::vector<LoggedRecord> records;
  RETURN_IF_ERROR(reader->read(records, kReadPatience));
  const std::string name = options_.topics.name_of(id);
  if (records.empty()) {
    return base::fail(base::Code::kUnavailable,
                      fmt::format("reading the first record of {}: no answer", name));
  }
  return incarnation_of(name, records.front());
}

void KafkaLog::look_for_loss() {
  for (const PartitionId id : all_partitions(partitions())) {
    const auto last = ends_->last(id);
    if (!last || health_.is_away() || ends_->has_lost()) continue;
    const auto record = lookup_->read(id, last->offset);
    // One silent partition is enough to wait for: the caller looks again soon.
    if (!record && record.error().code() != base::Code::kCorruption) return;
    if (!record || AcknowledgedEnds::digest_of(record->line) != last->digest) {
      ends_->note_lost(id);
    }
  }
}

KafkaLog::Stats KafkaLog::stats() const {
  const KafkaAppender::Stats appended = appender_->stats();
  return {.records = appended.records,
          .bytes = appended.bytes,
          .failed = appended.failed,
          .is_away = health_.is_away(),
          .has_lost = ends_->has_lost()};
}

void write_metrics(base::MetricsWriter& metrics, const KafkaLog::Stats& stats) {
  metrics.counter("estadio_log_records_total", "Records made durable.", stats.records);
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.", stats.bytes);
  metrics.counter("estadio_log_failed_records_total", "Records that were given up.", stats.failed);
  metrics.gauge("estadio_kafka_away", "1 while no broker can be reached.", stats.is_away);
  metrics.gauge("estadio_kafka_lost_results",
                "1 after Kafka lost acknowledged results. The server then takes no more.",
                stats.has_lost);
}

}  // namespace estadio
