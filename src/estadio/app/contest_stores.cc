#include "estadio/app/contest_stores.h"

#include <utility>

#include "estadio/app/contest_options.h"
#include "estadio/discipline/closing.h"
#include "estadio/log/disk_log.h"
#include "estadio/log/kafka_control_log.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"

namespace estadio {

void ContestStoresOptions::add_to(base::Settings& settings) {
  settings.add("data", data, "DIR",
               "folder of a contest of `estadio all`; a contest on several machines has kafka and "
               "redis instead");
  kafka.add_to(settings);
  redis.add_to(settings);
  settings.add("contest", contest_file, "FILE",
               "contest.toml; default: the data folder's, or the built-in contest");
}

base::Result<void> ContestStoresOptions::check() const {
  if (data.empty() == kafka.brokers.empty()) {
    return base::fail(
        base::Code::kInvalidArgument,
        "data, kafka: expected one of them, as in --data contest or --kafka 127.0.0.1:9092");
  }
  if (is_folder()) return {};
  RETURN_IF_ERROR(kafka.check());
  return redis.check();
}

base::Result<std::unique_ptr<ContestStores>> ContestStores::open(
    const ContestStoresOptions& options, Access access, const base::Clock& clock,
    base::Logger& log) {
  const auto make = [&](Contest contest, ContestManifest manifest) {
    return std::unique_ptr<ContestStores>(
        new ContestStores(options, std::move(contest), std::move(manifest), clock, log));
  };
  if (options.is_folder()) {
    const auto open_folder =
        access == Access::kRead ? DataFolder::open_to_read : DataFolder::open_to_repair;
    ASSIGN_OR_RETURN(DataFolder folder, open_folder(options.data, options.contest_file));
    auto stores = make(folder.contest(), folder.manifest());
    stores->folder_ = std::move(folder);
    return stores;
  }
  ASSIGN_OR_RETURN(Contest contest, load_contest(options.contest_file));
  ASSIGN_OR_RETURN(const KafkaContest kafka, options.kafka.to_contest(contest.partitions()));
  ASSIGN_OR_RETURN(ContestManifest manifest, read_manifest(kafka, clock, log));
  return make(std::move(contest), std::move(manifest));
}

base::Result<std::unique_ptr<EventLog>> ContestStores::open_log() const {
  if (folder_) return DiskLog::open_to_read(folder_->log_folder(), clock_, log_);
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  return KafkaLog::open({.cluster = kafka.cluster,
                         .topics = kafka.topics,
                         .missing = MissingTopics::kRefuse,
                         .partitions = manifest_.partitions},
                        clock_, log_);
}

base::Result<std::optional<std::vector<std::int64_t>>> ContestStores::read_closed_offsets() const {
  if (folder_) return std::nullopt;
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  ASSIGN_OR_RETURN(const auto control, KafkaControlLog::open({.cluster = kafka.cluster,
                                                              .topics = kafka.topics,
                                                              .partitions = manifest_.partitions}));
  Closing closing{base::Uuid(), std::nullopt};
  const KafkaDeadline deadline(clock_, kafka.patience);
  std::vector<ControlRecord> records;
  while (!control->is_at_end()) {
    if (deadline.has_passed()) {
      return base::fail(base::Code::kUnavailable, "reading the topic contest: no answer");
    }
    RETURN_IF_ERROR(control->read(records, std::chrono::milliseconds(deadline.left_ms())));
    for (const ControlRecord& record : records) closing.read(record, clock_.boot());
  }
  if (closing.phase() != ContestPhase::kClosed) return std::nullopt;
  return closing.closed_offsets();
}

base::Result<std::unique_ptr<RedisScoreBook>> ContestStores::open_redis() const {
  return RedisScoreBook::open(options_.redis.to_book(), contest_, clock_, log_);
}

}  // namespace estadio
