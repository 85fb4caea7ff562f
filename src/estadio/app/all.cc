// `estadio all`: every role in one process on embedded parts.
//
//   HTTP loops (FacultyService, ScoreboardService) -> LocalJudge -> DiskLog -> Tally ->
//   RocksScoreBook
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/periodic_thread.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/data_folder.h"
#include "estadio/app/edge_options.h"
#include "estadio/app/pages.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/judge_clocks.h"
#include "estadio/dedup/retry_rule.h"
#include "estadio/discipline/accepted_ids.h"
#include "estadio/discipline/closer.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/discipline/own_closer.h"
#include "estadio/faculty/edge_stats.h"
#include "estadio/faculty/faculty_service.h"
#include "estadio/log/disk_log.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/scoreboard/score_metrics.h"
#include "estadio/scoreboard/scoreboard_service.h"
#include "estadio/tally/tally.h"
#include "service/http_host.h"
#include "service/http_options.h"
#include "service/log_settings.h"
#include "service/role.h"

namespace estadio {
namespace {

struct AllOptions {
  std::string data;
  std::string contest_file;
  service::HttpOptions http;
  EdgeOptions edge;
  base::Bytes segment_bytes{std::uint64_t{64} << 20};
  RetryOptions retry;
  IdMemoryOptions ids;
  base::Logger::Options log;
};

void add_settings(base::Settings& settings, AllOptions& options) {
  settings.add("data", options.data, "DIR", "folder of the contest; a missing one is created");
  settings.add("contest", options.contest_file, "FILE",
               "contest.toml; its copy in the data folder serves later starts");
  options.http.add_to(settings);
  options.edge.add_to(settings);
  settings.add("segment-bytes", options.segment_bytes, "size of a segment of the log");
  options.retry.add_to(settings);
  options.ids.add_memory_to(settings);
  service::add_log_settings(settings, options.log);
}

// Checks the settings against each other, and the files that they name.
base::Result<void> check(const AllOptions& options) {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (options.data.empty()) return refuse("data: expected a folder, as in --data contest");
  RETURN_IF_ERROR(options.edge.check(options.http));
  if (options.edge.max_in_flight.count > DiskLog::kGatheringBytesMax) {
    return refuse(fmt::format("max-in-flight: expected at most {}",
                              base::format_bytes(DiskLog::kGatheringBytesMax)));
  }
  if (options.segment_bytes.count < DiskLog::kSegmentBytesMin ||
      options.segment_bytes.count > DiskLog::kSegmentBytesMax) {
    return refuse(fmt::format("segment-bytes: expected {} to {}",
                              base::format_bytes(DiskLog::kSegmentBytesMin),
                              base::format_bytes(DiskLog::kSegmentBytesMax)));
  }
  if (!options.contest_file.empty()) RETURN_IF_ERROR(Contest::from_file(options.contest_file));
  return options.http.check();
}

// A whole contest. The members are in the order of construction.
class AllRole final : public service::Role {
 public:
  AllRole(const AllOptions& options, DataFolder folder, const service::Context& context)
      : options_(options),
        context_(context),
        folder_(std::move(folder)),
        coin_(*folder_.manifest().coin_seed),
        retry_(folder_.manifest().retry_window),
        end_(folder_.contest().closes_at_ms(), ContestEnd::LeaseNeed::kNone, context.clock),
        clock_(context.clock, retry_, end_),
        known_(retry_.retention_ms()),
        ids_({.bytes_max = options.ids.memory.count, .folder = options.data}) {}

  base::Result<void> open() override;
  void serve() override { http_->serve(); }
  // Stops the server first, since the log answers into its loops. Then stops the log, and the tally
  // counts to the log's end.
  void stop() override {
    http_->stop();
    closer_->request_stop();
    closing_.reset();
    events_->stop();
    tally_.reset();
  }
  [[nodiscard]] std::optional<std::string> unready_reason() const override;
  void write_metrics(base::MetricsWriter& metrics) const override;

 private:
  base::Result<void> open_stores();
  base::Result<void> open_http();
  [[nodiscard]] base::Result<ContestFacts> facts() const;
  [[nodiscard]] base::Result<ScoreView> view() const;
  [[nodiscard]] StatsHistory::Figures figures();

  const AllOptions& options_;
  const service::Context context_;
  const DataFolder folder_;
  const Coin coin_;
  const RetryRule retry_;
  ContestEnd end_;
  const OwnClock clock_;
  KnownIds known_;
  IdMemory ids_;
  EdgeStats edge_stats_;
  std::unique_ptr<RocksScoreBook> scores_;
  std::unique_ptr<DiskLog> events_;
  std::unique_ptr<AcceptedIds> accepted_;
  std::unique_ptr<OwnCloser> closer_;
  std::optional<base::PeriodicThread> closing_;  // calls the closer
  std::unique_ptr<Tally> tally_;
  std::unique_ptr<StatsHistory> history_;
  std::unique_ptr<FacultyEdge> edge_;
  std::unique_ptr<Scoreboard> board_;
  std::unique_ptr<service::HttpHost> http_;
};

base::Result<void> AllRole::open() {
  RETURN_IF_ERROR(open_stores());
  closer_->step();  // a contest that is over takes no entry from the start
  closing_.emplace([this] { return closer_->step(); });
  RETURN_IF_ERROR(open_http());
  const bool is_over = end_.phase() != ContestPhase::kOpen;
  context_.log.info(is_over ? "the contest is over: showing its score" : "the contest is open",
                    {{"data", options_.data}, {"coin_commitment", coin_.commitment()}});
  return {};
}

base::Result<void> AllRole::open_stores() {
  ASSIGN_OR_RETURN(scores_, RocksScoreBook::open(folder_.score_folder(), folder_.contest()));
  ASSIGN_OR_RETURN(events_, DiskLog::open({.folder = folder_.log_folder(),
                                           .partitions = folder_.contest().partitions(),
                                           .segment_bytes = options_.segment_bytes.count},
                                          context_.clock, context_.log));
  accepted_ = std::make_unique<AcceptedIds>(AcceptedIds::Dependencies{.contest = folder_.contest(),
                                                                      .events = *events_,
                                                                      .retry = retry_,
                                                                      .memory = ids_,
                                                                      .clock = context_.clock,
                                                                      .log = context_.log});
  closer_ = std::make_unique<OwnCloser>(
      OwnCloser::Dependencies{.closes_at_ms = folder_.contest().closes_at_ms(),
                              .events = *events_,
                              .end = end_,
                              .accepted = *accepted_,
                              .clock = context_.clock,
                              .log = context_.log},
      events_->has_ended() ? OwnCloser::LogState::kEnded : OwnCloser::LogState::kOpen);
  tally_ =
      std::make_unique<Tally>(Tally::Options(), Tally::Dependencies{.contest = folder_.contest(),
                                                                    .events = *events_,
                                                                    .scores = *scores_,
                                                                    .retry = retry_,
                                                                    .memory = ids_,
                                                                    .clock = context_.clock,
                                                                    .log = context_.log});
  tally_->add(all_partitions(events_->partitions()));
  return {};
}

base::Result<void> AllRole::open_http() {
  const auto make_judge = [this] {
    return std::make_unique<LocalJudge>(LocalJudge::Dependencies{.contest = folder_.contest(),
                                                                 .coin = coin_,
                                                                 .events = *events_,
                                                                 .known = known_,
                                                                 .end = end_,
                                                                 .accepted = *accepted_,
                                                                 .retry = retry_,
                                                                 .clock = context_.clock});
  };
  history_ = std::make_unique<StatsHistory>([this] { return figures(); });
  edge_.reset(new FacultyEdge{.contest = folder_.contest(),
                              .judges = clock_,
                              .edge_stats = edge_stats_,
                              .clock = context_.clock,
                              .make_judge = make_judge,
                              .limits = options_.edge.to_limits()});
  board_.reset(new Scoreboard{.contest = folder_.contest(),
                              .read = [this] { return view(); },
                              .history = *history_,
                              .clock = context_.clock,
                              .page = scoreboard_page()});
  ASSIGN_OR_RETURN(http_, service::HttpHost::open(
                              options_.http,
                              {[this] { return std::make_unique<FacultyService>(*edge_); },
                               [this] { return std::make_unique<ScoreboardService>(*board_); }},
                              *this, context_));
  return {};
}

base::Result<ContestFacts> AllRole::facts() const {
  ContestFacts facts = ContestFacts::of(folder_.manifest());
  // Knowing the seed, a client could choose winning ids. Now no entry can count any more.
  if (end_.phase() == ContestPhase::kClosed) facts.coin_seed = coin_.reveal();
  for (const PartitionId partition : all_partitions(events_->partitions())) {
    ASSIGN_OR_RETURN(const std::int64_t end, events_->end_offset(partition));
    facts.ends.push_back({.partition = partition, .offset = end});
  }
  return facts;
}

base::Result<ScoreView> AllRole::view() const {
  ASSIGN_OR_RETURN(Score score, scores_->read());
  ASSIGN_OR_RETURN(ContestFacts facts, this->facts());
  return ScoreView{.score = std::move(score), .facts = std::move(facts)};
}

StatsHistory::Figures AllRole::figures() {
  const EdgeStats::Totals totals = edge_stats_.totals();
  const auto view = this->view();
  return {.accepted = totals.accepted_entries + totals.repeated_entries,
          .rejected = totals.rejected_requests,
          .recent_latencies = edge_stats_.take_recent_latencies(),
          .lag = view ? lag_of(view->score, view->facts) : 0};
}

void AllRole::write_metrics(base::MetricsWriter& metrics) const {
  if (const auto view = this->view()) estadio::write_metrics(metrics, *view, folder_.contest());
  estadio::write_metrics(metrics, *edge_);
  estadio::write_metrics(metrics, events_->stats());
  estadio::write_metrics(metrics, tally_->stats());
  estadio::write_metrics(metrics, ids_.stats());
  estadio::write_metrics(metrics, end_, *accepted_);
}

std::optional<std::string> AllRole::unready_reason() const {
  const DiskLog::Stats log = events_->stats();
  if (log.has_failed) return "the log has failed: start the process again";
  if (log.is_full) return "the disk is full";
  if (auto why = tally_->unready_reason()) return why;
  return std::nullopt;
}

}  // namespace

int run_all(base::Arguments arguments) {
  AllOptions options;
  base::Settings settings = program().settings_for(
      "all",
      "Runs a whole contest in one process. Takes entries over HTTP and logs every result on "
      "this\nmachine's disk. Counts each result exactly once and shows the score live.",
      "  estadio all --data contest\n"
      "  estadio all --data contest --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem\n"
      "  curl -d '{\"faculty\":\"Ingeniería\",\"discipline\":1}' -H 'Content-Type: "
      "application/json' localhost:8080/v1/entries\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  const auto make =
      [&](const service::Context& context) -> base::Result<std::unique_ptr<service::Role>> {
    // Before anything is made: it may refuse.
    RETURN_IF_ERROR(options.http.fit_to_open_files(context.log));
    ASSIGN_OR_RETURN(DataFolder folder,
                     DataFolder::open(options.data, {options.contest_file, options.retry},
                                      context.clock.wall_ms()));
    return std::make_unique<AllRole>(options, std::move(folder), context);
  };
  return service::run_role(program(), options.log, make);
}

}  // namespace estadio
