// `estadio tally`: counts what is in Kafka into Redis, each entry once.
//
//   KafkaGroup -> which partitions;  KafkaLog -> Tally -> RedisScoreBook, RedisFacts
#include <atomic>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/signals.h"
#include "estadio/app/commands.h"
#include "estadio/app/http_options.h"
#include "estadio/app/kafka_options.h"
#include "estadio/app/operations.h"
#include "estadio/app/redis_options.h"
#include "estadio/app/role.h"
#include "estadio/app/role_metrics.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/contest/retry_window.h"
#include "estadio/log/kafka_group.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"
#include "estadio/score/redis_facts.h"
#include "estadio/score/redis_score_book.h"
#include "estadio/tally/tally.h"
#include "http/metrics.h"

namespace estadio {
namespace {

constexpr int kReportEveryMs = 1000;
constexpr std::int64_t kReadersMax = 64;

constexpr std::uint16_t kPortDefault = 8082;

struct TallyOptions {
  TallyOptions() { http.address.port = kPortDefault; }

  KafkaOptions kafka;
  RedisOptions redis;
  std::string group = "estadio-tally";
  std::int64_t readers = 1;
  std::chrono::nanoseconds commit_every = Tally::Options().commit_every;
  std::string contest_file;
  HttpOptions http;
  base::Logger::Options log;
};

void add_settings(base::Settings& settings, TallyOptions& options) {
  options.kafka.add_to(settings);
  options.redis.add_to(settings);
  settings.add("readers", options.readers, 1, kReadersMax,
               "how many members of the consumer group this process is; each partition of a "
               "member's share is read by a thread of its own");
  settings.add("group", options.group, "TEXT", "the consumer group, one for all tallies");
  settings.add("commit-every", options.commit_every, std::chrono::milliseconds(1),
               std::chrono::minutes(1),
               "how long results are gathered before they show in the score");
  add_contest_setting(settings, options.contest_file);
  options.http.add_to(settings);
  add_log_settings(settings, options.log);
}

base::Result<void> check(const TallyOptions& options) {
  RETURN_IF_ERROR(contest_of(options.contest_file));
  RETURN_IF_ERROR(options.kafka.check());
  RETURN_IF_ERROR(options.redis.check());
  if (options.group.empty()) {
    return base::fail(base::Code::kInvalidArgument, "group: expected a name");
  }
  return options.http.check();
}

class TallyRole {
 public:
  TallyRole(const TallyOptions& options, Contest contest, const base::Clock& clock,
            base::Logger& log)
      : options_(options), contest_(std::move(contest)), clock_(clock), log_(log) {}

  base::Result<void> run(base::StopSignals& signals);

 private:
  base::Result<bool> open_parts(base::StopSignals& signals);
  [[nodiscard]] base::Result<void> check_prefix() const;
  base::Result<void> join_groups();
  void report();
  [[nodiscard]] std::optional<std::string> unready_reason() const;
  void collect(http::MetricsWriter& metrics) const;

  const TallyOptions& options_;
  const Contest contest_;
  const base::Clock& clock_;
  base::Logger& log_;

  RoleStatus status_{"it is starting"};

  // Set once Kafka and Redis answer.
  ContestManifest manifest_;
  std::unique_ptr<RetryWindow> window_;
  std::unique_ptr<KafkaLog> events_;
  std::unique_ptr<RedisScoreBook> scores_;
  std::unique_ptr<RedisFacts> facts_;
  std::unique_ptr<Tally> tally_;
  std::vector<std::unique_ptr<KafkaGroup>> groups_;
  std::atomic<std::int64_t> lag_{0};
  std::atomic<bool> is_open_{false};
  std::atomic<bool> is_stopping_{false};

  std::unique_ptr<OperationsServer> operations_;  // last: ends before the members it reads
};

// Returns false when a signal came first.
base::Result<bool> TallyRole::open_parts(base::StopSignals& signals) {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  const auto has_not_begun = [](const base::Error& error) {
    return error.code() == base::Code::kNotFound;
  };
  ASSIGN_OR_RETURN(auto manifest,
                   keep_trying([&, this] { return read_manifest(kafka, clock_, log_); }, signals,
                               status_, log_, has_not_begun));
  if (!manifest) return false;
  manifest_ = *std::move(manifest);
  const auto open_log = [&, this] {
    return KafkaLog::open({.cluster = kafka.cluster,
                           .topics = kafka.topics,
                           .missing = MissingTopics::kRefuse,
                           .partitions = manifest_.partitions},
                          clock_, log_);
  };
  ASSIGN_OR_RETURN(auto events, keep_trying(open_log, signals, status_, log_));
  if (!events) return false;
  events_ = *std::move(events);
  const auto open_scores = [this] {
    return RedisScoreBook::open(options_.redis.to_book(), contest_, clock_, log_);
  };
  // Also retry a refused password: it may be about to change in Redis.
  const auto is_to_be_mended = [](const base::Error& error) {
    return error.code() == base::Code::kFailedPrecondition;
  };
  ASSIGN_OR_RETURN(auto scores, keep_trying(open_scores, signals, status_, log_, is_to_be_mended));
  if (!scores) return false;
  scores_ = *std::move(scores);
  const auto open_facts = [this] { return RedisFacts::open(options_.redis.to_book(), clock_); };
  ASSIGN_OR_RETURN(auto facts, keep_trying(open_facts, signals, status_, log_, is_to_be_mended));
  if (!facts) return false;
  facts_ = *std::move(facts);
  RETURN_IF_ERROR(check_prefix());
  window_ = std::make_unique<RetryWindow>(manifest_.retry.window.count(),
                                          static_cast<std::size_t>(events_->partitions()) * 2);
  tally_ = std::make_unique<Tally>(
      Tally::Options{.commit_every = options_.commit_every,
                     .retry_ids = static_cast<std::size_t>(manifest_.retry.ids)},
      Tally::Dependencies{.contest = contest_,
                          .events = *events_,
                          .scores = *scores_,
                          .window = *window_,
                          .clock = clock_,
                          .log = log_});
  is_open_ = true;
  return true;
}

// Refuses a prefix that another contest uses: both would corrupt the score.
base::Result<void> TallyRole::check_prefix() const {
  const auto known = facts_->read();
  // No facts are published yet, or Redis is away.
  if (!known) return {};
  if (known->coin_commitment == manifest_.coin_commitment &&
      known->started_at_ms == manifest_.started_at_ms) {
    return {};
  }
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format("another contest counts in Redis under the prefix '{}': give this one "
                  "another with redis-prefix, or delete that one's keys, "
                  "{{{}}}:contest among them",
                  options_.redis.prefix, options_.redis.prefix));
}

base::Result<void> TallyRole::join_groups() {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  for (std::int64_t i = 0; i < options_.readers; ++i) {
    ASSIGN_OR_RETURN(
        auto group,
        KafkaGroup::join(
            {.cluster = kafka.cluster,
             .topics = kafka.topics,
             .group = options_.kafka.prefix + options_.group,
             .partitions = events_->partitions()},
            {.gained =
                 [this](std::span<const PartitionId> gained) {
                   tally_->add(gained);
                   if (!is_stopping_) status_.set(std::nullopt);
                 },
             .lost = [this](std::span<const PartitionId> lost) { tally_->remove(lost); },
             .refused = [this](const base::Error& why) { status_.set(why.message()); }},
            clock_, log_));
    groups_.push_back(std::move(group));
  }
  return {};
}

base::Result<void> TallyRole::run(base::StopSignals& signals) {
  ASSIGN_OR_RETURN(operations_,
                   OperationsServer::open(
                       options_.http, [this](http::MetricsWriter& metrics) { collect(metrics); },
                       [this] { return unready_reason(); }, clock_, log_));
  ASSIGN_OR_RETURN(const bool is_open, open_parts(signals));
  if (!is_open) return {};
  report();
  RETURN_IF_ERROR(join_groups());
  status_.set(std::nullopt);
  log_.info("counting", {{"partitions", events_->partitions()},
                         {"coin_commitment", manifest_.coin_commitment}});
  do {
    report();
  } while (!signals.wait_for_ms(kReportEveryMs));
  log_.info("stopping");
  is_stopping_ = true;
  status_.set("it is stopping");
  groups_.clear();  // gives our partitions to other tallies at once
  operations_->stop(kDrainPatience);
  tally_.reset();
  events_->stop();
  log_.info("stopped");
  return {};
}

// Publishes the facts for the scoreboard. Commits the positions to the group, so that Kafka's tools
// can show the lag.
void TallyRole::report() {
  ContestFacts facts{.started_at_ms = manifest_.started_at_ms,
                     .coin_commitment = manifest_.coin_commitment,
                     .coin_seed = std::nullopt,
                     .retry_window_ms = std::nullopt,
                     .ends = {}};
  const auto closes_at_ms = contest_.closes_at_ms();
  // Knowing the seed, a client could choose winning ids. Other servers' clocks may be behind ours,
  // so wait.
  if (closes_at_ms && manifest_.coin_seed &&
      clock_.wall_ms() >= *closes_at_ms + RetryWindow::kClockSkewMs) {
    facts.coin_seed = Coin(*manifest_.coin_seed).reveal();
  }
  std::int64_t lag = 0;
  bool is_known = true;
  std::vector<std::pair<PartitionId, std::int64_t>> positions;
  for (const Tally::PartitionStatus& status : tally_->partition_statuses()) {
    const auto end = events_->end_offset(status.partition);
    is_known = is_known && end && status.window_ms;
    if (!status.window_ms) continue;  // it is reading back
    positions.emplace_back(status.partition, status.position);
    if (!end) continue;
    lag += std::max<std::int64_t>(0, *end - status.position);
    facts.ends.push_back(
        {.partition = status.partition, .offset = *end, .retry_window_ms = status.window_ms});
  }
  if (is_known) lag_ = lag;
  if (!positions.empty()) groups_.front()->commit(positions);
  if (auto published = facts_->publish(facts); !published) {
    log_.debug("the scoreboard cannot be told", {{"error", published.error()}});
  }
}

std::optional<std::string> TallyRole::unready_reason() const {
  if (auto why = status_.unready_reason()) return why;
  if (auto why = tally_->unready_reason()) return why;
  if (events_->stats().is_away) return "Kafka is away";
  return std::nullopt;
}

void TallyRole::collect(http::MetricsWriter& metrics) const {
  if (!is_open_) return;
  write_metrics(metrics, tally_->stats());
  metrics.gauge(
      "estadio_tally_lag",
      "Results in the log that are not in the score yet, of this process' partitions; the "
      "last figure while the log or the score is away.",
      static_cast<double>(lag_.load()));
}

}  // namespace

int run_tally(Arguments arguments) {
  TallyOptions options;
  base::Settings settings = settings_for(
      "tally",
      "Counts the results in Kafka's topics winners and losers into Redis, each entry once.\nAny "
      "number of them share the partitions; one that dies is replaced by the others.",
      "  estadio tally --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0\n"
      "  redis-cli HGETALL '{estadio}:by_faculty'\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = load_settings(settings, arguments)) return *status;
  return run_role<TallyRole>(options);
}

}  // namespace estadio
