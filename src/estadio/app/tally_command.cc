// `estadio tally`: counts what is in Kafka into Redis, each entry once.
//
//   KafkaGroup -> which partitions;  KafkaLog -> Tally -> RedisScoreBook, RedisFacts
#include <algorithm>
#include <atomic>
#include <deque>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/periodic_thread.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/app/contest_role.h"
#include "estadio/app/kafka_options.h"
#include "estadio/app/redis_options.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/discipline/closing.h"
#include "estadio/log/kafka_control_log.h"
#include "estadio/log/kafka_group.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"
#include "estadio/score/redis_facts.h"
#include "estadio/score/redis_score_book.h"
#include "estadio/tally/tally.h"
#include "service/http_host.h"
#include "service/http_options.h"
#include "service/log_settings.h"
#include "service/role.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReportEvery{1000};
constexpr std::int64_t kReadersMax = 64;
constexpr std::uint16_t kPortDefault = 8082;

struct TallyOptions {
  TallyOptions() { http.address.port = kPortDefault; }

  KafkaOptions kafka;
  RedisOptions redis;
  std::string group = "estadio-tally";
  std::int64_t readers = 1;
  std::chrono::nanoseconds commit_every = Tally::Options().commit_every;
  IdMemoryOptions ids;
  std::string contest_file;
  service::HttpOptions http;
  base::Logger::Options log;
};

void add_settings(base::Settings& settings, TallyOptions& options) {
  options.kafka.add_to(settings);
  options.redis.add_to(settings);
  settings.add("readers", options.readers, 1, kReadersMax,
               "members of the consumer group in this process; each partition of a member has its "
               "own thread");
  settings.add("group", options.group, "TEXT", "the consumer group, the same for all tallies");
  settings.add("commit-every", options.commit_every, std::chrono::milliseconds(1),
               std::chrono::minutes(1),
               "longest time that results are gathered before they are added to the score; a Kafka "
               "reader that is behind gathers up to ten times as long");
  options.ids.add_to(settings);
  add_contest_setting(settings, options.contest_file);
  options.http.add_to(settings);
  service::add_log_settings(settings, options.log);
}

base::Result<void> check(const TallyOptions& options) {
  RETURN_IF_ERROR(load_contest(options.contest_file));
  RETURN_IF_ERROR(options.kafka.check());
  RETURN_IF_ERROR(options.redis.check());
  if (options.group.empty()) {
    return base::fail(base::Code::kInvalidArgument, "group: expected a name");
  }
  return options.http.check();
}

// A refused password is tried again: it may be about to change in Redis.
bool is_refused(const base::Error& error) {
  return error.code() == base::Code::kFailedPrecondition;
}

class TallyRole final : public service::Role {
 public:
  TallyRole(const TallyOptions& options, Contest contest, const service::Context& context)
      : options_(options), contest_(std::move(contest)), context_(context) {}

  base::Result<void> open() override;
  void serve() override;
  void stop() override;
  [[nodiscard]] std::optional<std::string> unready_reason() const override;
  void write_metrics(base::MetricsWriter& metrics) const override;

 private:
  base::Result<void> open_log();
  base::Result<void> open_score();
  void open_tally();
  [[nodiscard]] base::Result<void> check_prefix() const;
  base::Result<void> join_groups();
  void read_control_log();
  void report();

  const TallyOptions& options_;
  const Contest contest_;
  const service::Context context_;

  // Set once Kafka and Redis answer.
  ContestManifest manifest_;
  std::unique_ptr<IdMemory> ids_;
  std::unique_ptr<KafkaLog> events_;
  std::unique_ptr<KafkaControlLog> control_;
  std::unique_ptr<RedisScoreBook> scores_;
  std::unique_ptr<RedisFacts> facts_;
  std::unique_ptr<Tally> tally_;
  std::deque<service::UnreadyReason> refusals_;  // why the consumer group refuses each member
  std::vector<std::unique_ptr<KafkaGroup>> groups_;
  Closing closing_{base::Uuid(), std::nullopt};  // report()'s alone; it only follows the judges
  std::atomic<std::int64_t> lag_{0};
  std::optional<base::PeriodicThread> reporter_;

  std::unique_ptr<service::HttpHost> http_;  // last: ends before the members it reads
};

base::Result<void> TallyRole::open() {
  ASSIGN_OR_RETURN(http_, service::HttpHost::open(options_.http, {}, *this, context_));
  http_->serve();
  RETURN_IF_ERROR(open_log());
  RETURN_IF_ERROR(open_score());
  RETURN_IF_ERROR(check_prefix());
  open_tally();
  report();
  return join_groups();
}

void TallyRole::serve() {
  context_.log.info("counting", {{"partitions", events_->partitions()},
                                 {"coin_commitment", manifest_.coin_commitment}});
  reporter_.emplace([this] {
    report();
    return kReportEvery;
  });
}

void TallyRole::stop() {
  reporter_.reset();
  for (const auto& group : groups_) group->begin_leaving();
  groups_.clear();  // gives our partitions to other tallies at once
  http_->stop();
  tally_.reset();
  events_->stop();
}

base::Result<void> TallyRole::open_log() {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  const auto has_not_begun = [](const base::Error& error) {
    return error.code() == base::Code::kNotFound;
  };
  ASSIGN_OR_RETURN(
      manifest_,
      service::keep_trying([&, this] { return read_manifest(kafka, context_.clock, context_.log); },
                           context_, has_not_begun));
  const auto open_log = [&, this] {
    return KafkaLog::open({.cluster = kafka.cluster,
                           .topics = kafka.topics,
                           .missing = MissingTopics::kRefuse,
                           .partitions = manifest_.partitions},
                          context_.clock, context_.log);
  };
  ASSIGN_OR_RETURN(events_, service::keep_trying(open_log, context_));
  ASSIGN_OR_RETURN(control_, KafkaControlLog::open({.cluster = kafka.cluster,
                                                    .topics = kafka.topics,
                                                    .partitions = manifest_.partitions}));
  return {};
}

base::Result<void> TallyRole::open_score() {
  const auto open_scores = [this] {
    return RedisScoreBook::open(options_.redis.to_book(), contest_, context_.clock, context_.log);
  };
  ASSIGN_OR_RETURN(scores_, service::keep_trying(open_scores, context_, is_refused));
  const auto open_facts = [this] {
    return RedisFacts::open(options_.redis.to_book(), context_.clock);
  };
  ASSIGN_OR_RETURN(facts_, service::keep_trying(open_facts, context_, is_refused));
  return {};
}

void TallyRole::open_tally() {
  ids_ = std::make_unique<IdMemory>(options_.ids.to_options());
  tally_ = std::make_unique<Tally>(Tally::Options{.commit_every = options_.commit_every},
                                   Tally::Dependencies{.contest = contest_,
                                                       .events = *events_,
                                                       .scores = *scores_,
                                                       .retry = RetryRule(manifest_.retry_window),
                                                       .memory = *ids_,
                                                       .clock = context_.clock,
                                                       .log = context_.log});
}

// Refuses a prefix that another contest uses: both would corrupt the score.
base::Result<void> TallyRole::check_prefix() const {
  const auto read_facts = [this]() -> base::Result<std::optional<ContestFacts>> {
    auto facts = facts_->read();
    if (!facts && facts.error().code() == base::Code::kNotFound) return std::nullopt;
    return facts;
  };
  ASSIGN_OR_RETURN(const auto known, service::keep_trying(read_facts, context_, is_refused));
  if (!known || (known->coin_commitment == manifest_.coin_commitment &&
                 known->started_at_ms == manifest_.started_at_ms)) {
    return {};
  }
  return base::fail(base::Code::kFailedPrecondition,
                    fmt::format("redis-prefix: another contest has its score under '{}': choose "
                                "another prefix, or delete that contest's keys, {{{}}}:contest too",
                                options_.redis.prefix, options_.redis.prefix));
}

base::Result<void> TallyRole::join_groups() {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  refusals_.resize(static_cast<std::size_t>(options_.readers));
  for (std::size_t i = 0; i < refusals_.size(); ++i) {
    ASSIGN_OR_RETURN(
        auto group,
        KafkaGroup::join(
            {.cluster = kafka.cluster,
             .topics = kafka.topics,
             .group = options_.kafka.prefix + options_.group,
             .partitions = events_->partitions()},
            {.gained =
                 [this, i](std::span<const PartitionId> gained) {
                   tally_->add(gained);
                   refusals_[i].set(std::nullopt);
                 },
             .lost = [this](std::span<const PartitionId> lost) { tally_->remove(lost); },
             .refused = [this, i](const base::Error& why) { refusals_[i].set(why.message()); }},
            context_.clock, context_.log));
    groups_.push_back(std::move(group));
  }
  return {};
}

void TallyRole::read_control_log() {
  std::vector<ControlRecord> records;
  do {
    if (auto read = control_->read(records, {}); !read) {
      context_.log.debug("the topic contest cannot be read", {{"error", read.error()}});
      return;
    }
    for (const ControlRecord& record : records) closing_.read(record, context_.clock.boot());
  } while (!records.empty());
}

// Publishes the facts for the scoreboard. Commits the positions to the group, so that Kafka's tools
// can show the lag.
void TallyRole::report() {
  ContestFacts facts = ContestFacts::of(manifest_);
  read_control_log();
  // Knowing the seed, a client could choose winning ids. Now no entry can count any more.
  if (closing_.phase() == ContestPhase::kClosed && manifest_.coin_seed) {
    facts.coin_seed = Coin(*manifest_.coin_seed).reveal();
  }
  std::int64_t lag = 0;
  bool is_known = true;
  std::vector<std::pair<PartitionId, std::int64_t>> positions;
  for (const Tally::PartitionStatus& status : tally_->partition_statuses()) {
    const auto end = events_->end_offset(status.partition);
    is_known = is_known && end && status.position;
    if (!status.position) continue;
    positions.emplace_back(status.partition, *status.position);
    if (!end) continue;
    lag += std::max<std::int64_t>(0, *end - *status.position);
    facts.ends.push_back({.partition = status.partition, .offset = *end});
  }
  if (is_known) lag_ = lag;
  if (!positions.empty()) groups_.front()->commit(positions);
  if (auto published = facts_->publish(facts); !published) {
    context_.log.debug("the facts for the scoreboard could not be written",
                       {{"error", published.error()}});
  }
}

std::optional<std::string> TallyRole::unready_reason() const {
  for (const service::UnreadyReason& refusal : refusals_) {
    if (auto why = refusal.get()) return why;
  }
  if (auto why = tally_->unready_reason()) return why;
  if (events_->stats().is_away) return "Kafka is away";
  return std::nullopt;
}

void TallyRole::write_metrics(base::MetricsWriter& metrics) const {
  estadio::write_metrics(metrics, tally_->stats());
  estadio::write_metrics(metrics, ids_->stats());
  metrics.gauge(
      "estadio_tally_lag",
      "Results in the log that are not in the score yet, of this process' partitions; the "
      "last figure while the log or the score is away.",
      lag_.load());
}

}  // namespace

int run_tally(base::Arguments arguments) {
  TallyOptions options;
  base::Settings settings = program().settings_for(
      "tally",
      "Counts the results in Kafka's topics winners and losers into Redis, each entry "
      "once.\nSeveral tallies share the partitions. When one dies, the others take over its "
      "partitions.",
      "  estadio tally --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0\n"
      "  redis-cli HGETALL '{estadio}:by_faculty'\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  return run_contest_role<TallyRole>(options);
}

}  // namespace estadio
