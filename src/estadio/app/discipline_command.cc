// `estadio discipline`: judges entries that faculty servers send over gRPC, into Kafka.
//
//   JudgeServer (gRPC) -> LocalJudge -> KafkaLog
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/periodic_thread.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/app/contest_role.h"
#include "estadio/app/edge_options.h"
#include "estadio/app/grpc_tls_options.h"
#include "estadio/app/kafka_options.h"
#include "estadio/app/retry_options.h"
#include "estadio/app/server_list.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/known_ids.h"
#include "estadio/contest/recent_ids.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/discipline/accepted_ids.h"
#include "estadio/discipline/closer.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/log/kafka_control_log.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"
#include "estadio/rpc/judge_server.h"
#include "net/address.h"
#include "service/http_host.h"
#include "service/http_options.h"
#include "service/log_settings.h"
#include "service/role.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;

constexpr std::uint16_t kPortDefault = 8081;
constexpr milliseconds kLookEvery{500};
constexpr milliseconds kClosingPatience{100};
constexpr int kFirstSteps = 20;  // until the first heartbeat comes back

struct DisciplineOptions {
  DisciplineOptions() { http.address.port = kPortDefault; }

  net::Address grpc{.host = "127.0.0.1", .port = 7001, .unix_path = {}};
  GrpcTlsOptions tls;
  std::string disciplines;
  std::string contest_file;
  KafkaOptions kafka;
  std::string seed_file;
  RetryOptions retry;
  IdMemoryOptions ids;
  base::Bytes max_in_flight{std::uint64_t{64} << 20};
  std::chrono::nanoseconds durability_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds linger{};
  std::chrono::nanoseconds stream_age = std::chrono::minutes(5);
  service::HttpOptions http;
  base::Logger::Options log;
};

void add_settings(base::Settings& settings, DisciplineOptions& options) {
  settings.add_parsed(
      "grpc", "HOST:PORT", "address to listen on for faculty servers; port 0 chooses a free port",
      [&options](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.grpc, net::Address::parse(text));
        if (options.grpc.unix_path.empty()) return {};
        return base::fail(base::Code::kInvalidArgument,
                          fmt::format("expected HOST:PORT or [IPV6]:PORT, got '{}'", text));
      },
      [&options] { return options.grpc.to_string(); });
  options.tls.add_to(settings, GrpcTlsOptions::Side::kServer);
  settings.add("discipline", options.disciplines, "NAME[,…]",
               "disciplines to judge, by name or id; default: all");
  add_contest_setting(settings, options.contest_file);
  options.kafka.add_to(settings);
  options.kafka.add_making_to(settings);
  settings.add("coin-seed-file", options.seed_file, "FILE",
               "file of the coin's seed, 32 hexadecimal digits, the same for all discipline "
               "servers; default: a random seed, kept in the topic contest");
  options.retry.add_to(settings);
  options.ids.add_to(settings);
  settings.add("max-in-flight", options.max_in_flight,
               "bytes of results that are not durable yet; beyond it entries are refused");
  settings.add("durability-timeout", options.durability_timeout, kDurabilityTimeoutMin,
               kDurabilityTimeoutMax,
               "longest wait for Kafka to store a result; after it the caller gets an error");
  settings.add("linger", options.linger, milliseconds(0), milliseconds(1000),
               "longest wait of a result for others, to send them to Kafka in one request");
  settings.add("stream-age", options.stream_age, milliseconds(1000), std::chrono::hours(24),
               "approximate age at which this server asks a faculty server to replace its stream");
  options.http.add_to(settings);
  service::add_log_settings(settings, options.log);
}

// Returns the ids of the named disciplines.
base::Result<std::vector<std::int64_t>> disciplines_of(const std::string& names,
                                                       const Contest& contest) {
  std::vector<std::int64_t> ids;
  for (const std::string& name : split_list(names)) {
    const auto found = std::ranges::find_if(contest.disciplines(), [&](const Discipline& each) {
      return std::to_string(each.id) == name || fold_name(each.name) == fold_name(name);
    });
    if (found == contest.disciplines().end()) {
      std::string known;
      for (const Discipline& each : contest.disciplines()) {
        known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", each.name, each.id);
      }
      return base::fail(
          base::Code::kInvalidArgument,
          fmt::format("discipline: unknown name '{}': expected one of {}", name, known));
    }
    ids.push_back(found->id);
  }
  return ids;
}

base::Result<void> check(const DisciplineOptions& options) {
  ASSIGN_OR_RETURN(const Contest contest, load_contest(options.contest_file));
  RETURN_IF_ERROR(disciplines_of(options.disciplines, contest));
  RETURN_IF_ERROR(options.kafka.check());
  if (!options.seed_file.empty()) {
    if (auto seed = load_coin_seed(options.seed_file); !seed) {
      return base::fail(base::Code::kInvalidArgument, "coin-seed-file: " + seed.error().message());
    }
  }
  RETURN_IF_ERROR(options.tls.check(GrpcTlsOptions::Side::kServer));
  return options.http.check();
}

class DisciplineRole final : public service::Role {
 public:
  DisciplineRole(const DisciplineOptions& options, Contest contest, const service::Context& context)
      : options_(options),
        contest_(std::move(contest)),
        context_(context),
        end_(contest_.closes_at_ms(), ContestEnd::LeaseNeed::kLease, context.clock),
        ids_(options.ids.to_options()) {}

  base::Result<void> open() override;
  void serve() override;
  void stop() override;
  [[nodiscard]] std::optional<std::string> unready_reason() const override;
  void write_metrics(base::MetricsWriter& metrics) const override;

 private:
  base::Result<ContestManifest> agree() const;
  base::Result<std::unique_ptr<KafkaLog>> open_log(const ContestManifest& manifest) const;
  base::Result<void> open_closer(const ContestManifest& manifest);
  base::Result<void> open_judges(const ContestManifest& manifest);

  const DisciplineOptions& options_;
  const Contest contest_;
  const service::Context context_;
  ContestEnd end_;
  IdMemory ids_;

  // Null until Kafka answers.
  std::unique_ptr<Coin> coin_;
  std::unique_ptr<KnownIds> known_;
  std::unique_ptr<KafkaLog> events_;
  std::unique_ptr<KafkaControlLog> control_;
  std::unique_ptr<AcceptedIds> accepted_;
  std::unique_ptr<Closer> closer_;
  std::optional<base::PeriodicThread> closing_;  // calls the closer
  std::unique_ptr<JudgeServer> judges_;
  std::optional<base::PeriodicThread> looker_;

  std::unique_ptr<service::HttpHost> http_;  // last: ends before the members it reads
};

base::Result<void> DisciplineRole::open() {
  // Try the port now, so that a taken port fails at once and not when Kafka answers.
  RETURN_IF_ERROR(net::listen_on(options_.grpc));
  ASSIGN_OR_RETURN(http_, service::HttpHost::open(options_.http, {}, *this, context_));
  http_->serve();
  ASSIGN_OR_RETURN(const ContestManifest manifest,
                   service::keep_trying([this] { return agree(); }, context_));
  ASSIGN_OR_RETURN(events_,
                   service::keep_trying([&, this] { return open_log(manifest); }, context_));
  coin_ = std::make_unique<Coin>(*manifest.coin_seed);
  known_ = std::make_unique<KnownIds>(RetryRule(manifest.retry_window).retention_ms());
  RETURN_IF_ERROR(open_closer(manifest));
  return open_judges(manifest);
}

void DisciplineRole::serve() {
  context_.log.info("judging", {{"grpc_port", judges_->port()},
                                {"partitions", events_->partitions()},
                                {"coin_commitment", coin_->commitment()}});
  looker_.emplace([this] {
    // While no entry comes, only a question notices that Kafka is away.
    [[maybe_unused]] const auto end = events_->end_offset({.topic = Outcome::kWinner, .number = 0});
    // Other servers may have written beyond the offsets that this one knows.
    events_->look_for_loss();
    // Do not answer a retry as repeated when its record is lost.
    if (events_->stats().has_lost) known_->forget();
    judges_->set_serving(!unready_reason());
    return kLookEvery;
  });
}

void DisciplineRole::stop() {
  looker_.reset();
  judges_->stop(service::kDrainPatience);
  closer_->request_stop();
  closing_.reset();
  events_->stop();
  http_->stop();
}

base::Result<ContestManifest> DisciplineRole::agree() const {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  std::optional<CoinSeed> own;
  if (!options_.seed_file.empty()) {
    ASSIGN_OR_RETURN(own, load_coin_seed(options_.seed_file));
  }
  const CoinSeed seed = own ? *own : draw_coin_seed();
  ContestManifest proposal{.started_at_ms = context_.clock.wall_ms(),
                           .retry_window = options_.retry.of_new_contest(),
                           .coin_commitment = Coin(seed).commitment(),
                           .coin_seed = own ? std::nullopt : std::optional(seed)};
  ASSIGN_OR_RETURN(ContestManifest manifest,
                   agree_on_manifest(kafka, std::move(proposal), context_.clock, context_.log));
  RETURN_IF_ERROR(options_.retry.check(manifest.retry_window));
  if (options_.kafka.partitions != 0 && options_.kafka.partitions != manifest.partitions) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format(
            "partitions: the contest began with {} for each topic, which cannot change; got {}",
            manifest.partitions, options_.kafka.partitions));
  }
  RETURN_IF_ERROR(settle_seed(manifest, options_.seed_file));
  return manifest;
}

base::Result<std::unique_ptr<KafkaLog>> DisciplineRole::open_log(
    const ContestManifest& manifest) const {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  return KafkaLog::open(
      {.cluster = kafka.cluster,
       .topics = kafka.topics,
       .missing = MissingTopics::kRefuse,
       .partitions = manifest.partitions,
       .linger = std::chrono::duration_cast<std::chrono::microseconds>(options_.linger),
       .delivery_timeout = std::chrono::duration_cast<milliseconds>(options_.durability_timeout),
       .in_flight_bytes = options_.max_in_flight.count},
      context_.clock, context_.log);
}

base::Result<void> DisciplineRole::open_closer(const ContestManifest& manifest) {
  ASSIGN_OR_RETURN(const KafkaContest kafka, options_.kafka.to_contest(contest_.partitions()));
  ASSIGN_OR_RETURN(control_, KafkaControlLog::open({.cluster = kafka.cluster,
                                                    .topics = kafka.topics,
                                                    .partitions = manifest.partitions}));
  accepted_ = std::make_unique<AcceptedIds>(
      AcceptedIds::Dependencies{.contest = contest_,
                                .events = *events_,
                                .retry = RetryRule(manifest.retry_window),
                                .memory = ids_,
                                .clock = context_.clock,
                                .log = context_.log});
  base::UuidGenerator ids;
  closer_ =
      std::make_unique<Closer>(Closer::Dependencies{.judge = ids.next(context_.clock.wall_ms()),
                                                    .closes_at_ms = contest_.closes_at_ms(),
                                                    .events = *events_,
                                                    .control = *control_,
                                                    .end = end_,
                                                    .accepted = *accepted_,
                                                    .clock = context_.clock,
                                                    .log = context_.log});
  // Without a lease every entry would be refused.
  const auto has_begun = [this]() -> base::Result<void> {
    std::optional<std::string> why;
    for (int i = 0; i < kFirstSteps; ++i) {
      closer_->step(kClosingPatience);
      why = closer_->unready_reason();
      if (!why) return {};
    }
    return base::fail(base::Code::kUnavailable, *std::move(why));
  };
  RETURN_IF_ERROR(service::keep_trying(has_begun, context_));
  closing_.emplace([this] { return closer_->step(kClosingPatience); });
  return {};
}

base::Result<void> DisciplineRole::open_judges(const ContestManifest& manifest) {
  ASSIGN_OR_RETURN(auto disciplines, disciplines_of(options_.disciplines, contest_));
  const RetryRule retry(manifest.retry_window);
  const auto make_judge = [this, retry] {
    return std::make_unique<LocalJudge>(LocalJudge::Dependencies{.contest = contest_,
                                                                 .coin = *coin_,
                                                                 .events = *events_,
                                                                 .known = *known_,
                                                                 .end = end_,
                                                                 .accepted = *accepted_,
                                                                 .retry = retry,
                                                                 .clock = context_.clock});
  };
  ASSIGN_OR_RETURN(judges_,
                   JudgeServer::open(
                       {.address = options_.grpc.to_string(),
                        .tls = options_.tls.to_files(),
                        .disciplines = std::move(disciplines),
                        .coin_commitment = manifest.coin_commitment,
                        .started_at_ms = manifest.started_at_ms,
                        .stream_age = std::chrono::duration_cast<milliseconds>(options_.stream_age),
                        .seed = static_cast<std::uint64_t>(context_.clock.mono().count())},
                       {.contest = contest_,
                        .retry = retry,
                        .end = end_,
                        .clock = context_.clock,
                        .log = context_.log,
                        .make_judge = make_judge}));
  return {};
}

std::optional<std::string> DisciplineRole::unready_reason() const {
  const KafkaLog::Stats log = events_->stats();
  if (log.has_lost) return "Kafka has lost results: see the process' log";
  if (log.is_away) return "Kafka is away";
  return closer_->unready_reason();
}

void DisciplineRole::write_metrics(base::MetricsWriter& metrics) const {
  estadio::write_metrics(metrics, events_->stats());
  estadio::write_metrics(metrics, judges_->stats());
  estadio::write_metrics(metrics, ids_.stats());
  estadio::write_metrics(metrics, end_, *accepted_);
}

}  // namespace

int run_discipline(base::Arguments arguments) {
  DisciplineOptions options;
  base::Settings settings = program().settings_for(
      "discipline",
      "Judges entries that faculty servers send over gRPC. Tosses the coin and logs each result "
      "in\nKafka's topics winners and losers. Several servers may judge the same discipline.",
      "  estadio discipline --grpc 127.0.0.1:7001 --kafka 127.0.0.1:9092\n"
      "  estadio discipline --grpc 127.0.0.1:7002 --kafka 127.0.0.1:9092 --discipline natacion\n"
      "  grpcurl -plaintext -d '{\"faculty\":\"Ingeniería\",\"discipline\":1}' localhost:7001 "
      "estadio.v1.Judge/JudgeOne\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  return run_contest_role<DisciplineRole>(options);
}

}  // namespace estadio
