// `estadio all`: every role in one process on embedded parts.
//
//   HTTP loops (FacultyService, ScoreboardService) -> LocalJudge -> DiskLog -> Tally ->
//   RocksScoreBook
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/signals.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/data_folder.h"
#include "estadio/app/edge_options.h"
#include "estadio/app/http_options.h"
#include "estadio/app/operations.h"
#include "estadio/app/pages.h"
#include "estadio/app/retry_options.h"
#include "estadio/app/role.h"
#include "estadio/app/role_metrics.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/contest/retry_window.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/faculty/edge_stats.h"
#include "estadio/faculty/faculty_service.h"
#include "estadio/log/disk_log.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/scoreboard/scoreboard_service.h"
#include "estadio/tally/tally.h"
#include "http/metrics.h"
#include "http/server.h"

namespace estadio {
namespace {

struct AllOptions {
  std::string data;
  std::string contest_file;
  HttpOptions http;
  EdgeOptions edge;
  base::Bytes segment_bytes{std::uint64_t{64} << 20};
  RetryOptions retry;
  base::Logger::Options log;
};

constexpr std::chrono::seconds kReadBackPatience{10};

void add_settings(base::Settings& settings, AllOptions& options) {
  settings.add("data", options.data, "DIR", "folder of the contest; made when it is not there");
  settings.add("contest", options.contest_file, "FILE",
               "contest.toml; kept in the data folder for later starts");
  options.http.add_to(settings);
  options.edge.add_to(settings);
  settings.add("segment-bytes", options.segment_bytes, "size of a file of the log");
  options.retry.add_to(settings);
  add_log_settings(settings, options.log);
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

// Wires the parts of a contest. The members are in the order of construction.
class WholeContest {
 public:
  static base::Result<std::unique_ptr<WholeContest>> start(AllOptions& options,
                                                           const base::Clock& clock,
                                                           base::Logger& log);

  // Stops the server first, since the log answers into its loops. Then stops the log, and the tally
  // counts to the log's end.
  ~WholeContest() {
    if (!server_) return;  // start() failed before serving
    server_->stop(kDrainPatience);
    events_->stop();
    tally_.reset();
    log_.info("stopped");
  }

 private:
  WholeContest(DataFolder folder, const AllOptions& options, const base::Clock& clock,
               base::Logger& log)
      : options_(options),
        clock_(clock),
        log_(log),
        folder_(std::move(folder)),
        coin_(*folder_.manifest().coin_seed),
        window_(folder_.manifest().retry.window.count(),
                static_cast<std::size_t>(folder_.contest().partitions()) * 2),
        known_(window_.retention_ms()) {}

  base::Result<void> open_stores();
  base::Result<void> serve();
  [[nodiscard]] base::Result<ContestFacts> facts() const;
  [[nodiscard]] base::Result<ScoreView> view() const;
  [[nodiscard]] StatsHistory::Figures figures();
  void collect(http::MetricsWriter& metrics) const;
  [[nodiscard]] std::optional<std::string> unready_reason() const;

  const AllOptions& options_;
  const base::Clock& clock_;
  base::Logger& log_;
  const DataFolder folder_;
  const Coin coin_;
  RetryWindow window_;
  KnownIds known_;
  EdgeStats edge_stats_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<RocksScoreBook> scores_;
  std::unique_ptr<DiskLog> events_;
  std::unique_ptr<Tally> tally_;
  std::unique_ptr<StatsHistory> history_;
  std::unique_ptr<FacultyEdge> edge_;
  std::unique_ptr<Scoreboard> board_;
  http::Metrics metrics_;
  Operations::UnreadyReason unready_reason_;
  std::unique_ptr<http::Server> server_;
};

base::Result<std::unique_ptr<WholeContest>> WholeContest::start(AllOptions& options,
                                                                const base::Clock& clock,
                                                                base::Logger& log) {
  RETURN_IF_ERROR(options.http.fit_to_open_files(log));
  ASSIGN_OR_RETURN(
      DataFolder folder,
      DataFolder::open(options.data, {options.contest_file, options.retry}, clock.wall_ms()));
  auto contest =
      std::unique_ptr<WholeContest>(new WholeContest(std::move(folder), options, clock, log));
  RETURN_IF_ERROR(contest->open_stores());
  RETURN_IF_ERROR(contest->serve());
  return contest;
}

base::Result<void> WholeContest::open_stores() {
  ASSIGN_OR_RETURN(tls_, options_.http.load_tls());
  ASSIGN_OR_RETURN(scores_, RocksScoreBook::open(folder_.score_folder(), folder_.contest()));
  ASSIGN_OR_RETURN(events_, DiskLog::open({.folder = folder_.log_folder(),
                                           .partitions = folder_.contest().partitions(),
                                           .segment_bytes = options_.segment_bytes.count},
                                          clock_, log_));
  tally_ = std::make_unique<Tally>(
      Tally::Options{.retry_ids = static_cast<std::size_t>(folder_.manifest().retry.ids)},
      Tally::Dependencies{.contest = folder_.contest(),
                          .events = *events_,
                          .scores = *scores_,
                          .window = window_,
                          .known = &known_,
                          .clock = clock_,
                          .log = log_});
  tally_->add(all_partitions(events_->partitions()));
  return {};
}

base::Result<void> WholeContest::serve() {
  history_ = std::make_unique<StatsHistory>([this] { return figures(); });
  edge_.reset(new FacultyEdge{.contest = folder_.contest(),
                              .window = window_,
                              .edge_stats = edge_stats_,
                              .clock = clock_,
                              .make_judge =
                                  [this] {
                                    return std::make_unique<LocalJudge>(
                                        LocalJudge::Dependencies{.contest = folder_.contest(),
                                                                 .coin = coin_,
                                                                 .events = *events_,
                                                                 .known = known_,
                                                                 .clock = clock_});
                                  },
                              .limits = options_.edge.to_limits()});
  board_.reset(new Scoreboard{.contest = folder_.contest(),
                              .read = [this] { return view(); },
                              .history = *history_,
                              .clock = clock_,
                              .page = scoreboard_page()});
  metrics_.add([this](http::MetricsWriter& metrics) { collect(metrics); });
  unready_reason_ = [this] { return unready_reason(); };
  ASSIGN_OR_RETURN(server_,
                   http::Server::open(
                       options_.http.to_server(tls_.get()),
                       {[this] { return std::make_unique<FacultyService>(*edge_); },
                        [this] { return std::make_unique<ScoreboardService>(*board_); },
                        [this] { return std::make_unique<Operations>(metrics_, unready_reason_); }},
                       clock_, log_));
  tally_->wait_until_read_back(kReadBackPatience);  // until then entries get 503
  const auto closes_at_ms = folder_.contest().closes_at_ms();
  const bool is_over = closes_at_ms && clock_.wall_ms() >= *closes_at_ms;
  log_.info(is_over ? "the contest is over: its score is shown" : "the contest is open",
            {{"data", options_.data}, {"coin_commitment", coin_.commitment()}});
  server_->serve();
  log_serving(*server_, options_.http, log_);
  return {};
}

base::Result<ContestFacts> WholeContest::facts() const {
  ContestFacts facts{.started_at_ms = folder_.manifest().started_at_ms,
                     .coin_commitment = coin_.commitment(),
                     .coin_seed = std::nullopt,
                     .retry_window_ms = window_.in_force_ms(),
                     .ends = {}};
  const auto closes_at_ms = folder_.contest().closes_at_ms();
  if (closes_at_ms && clock_.wall_ms() >= *closes_at_ms) facts.coin_seed = coin_.reveal();
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    for (int number = 0; number < events_->partitions(); ++number) {
      const PartitionId partition{.topic = topic, .number = number};
      ASSIGN_OR_RETURN(const std::int64_t end, events_->end_offset(partition));
      facts.ends.push_back(
          {.partition = partition, .offset = end, .retry_window_ms = std::nullopt});
    }
  }
  return facts;
}

base::Result<ScoreView> WholeContest::view() const {
  ASSIGN_OR_RETURN(Score score, scores_->read());
  ASSIGN_OR_RETURN(ContestFacts facts, this->facts());
  return ScoreView{.score = std::move(score), .facts = std::move(facts)};
}

StatsHistory::Figures WholeContest::figures() {
  const EdgeStats::Totals totals = edge_stats_.totals();
  const auto view = this->view();
  return {.accepted = totals.accepted_entries + totals.repeated_entries,
          .rejected = totals.rejected_requests,
          .recent_latencies = edge_stats_.take_recent_latencies(),
          .lag = view ? lag_of(view->score, view->facts) : 0};
}

void WholeContest::collect(http::MetricsWriter& metrics) const {
  const auto view = this->view();
  if (view) write_metrics(metrics, view->score, folder_.contest());
  write_lag(metrics, view ? lag_of(view->score, view->facts) : 0);
  write_metrics(metrics, edge_stats_);
  metrics.gauge("estadio_entries_in_flight_bytes", "Results on their way to the log, at most.",
                static_cast<double>(edge_->in_flight_bytes.load(std::memory_order_relaxed)));
  write_metrics(metrics, window_);
  write_metrics(metrics, events_->stats());
  write_metrics(metrics, tally_->stats());
  write_metrics(metrics, server_->stats());
}

std::optional<std::string> WholeContest::unready_reason() const {
  const DiskLog::Stats log = events_->stats();
  if (log.has_failed) return "the log has failed: start the process again";
  if (log.is_full) return "the disk is full";
  if (auto why = tally_->unready_reason()) return why;
  if (!window_.in_force_ms()) return "the log is being read back";
  return std::nullopt;
}

}  // namespace

int run_all(Arguments arguments) {
  AllOptions options;
  base::Settings settings = settings_for(
      "all",
      "Runs a whole contest in one process: takes entries over HTTP, keeps every result on "
      "this\nmachine's disk, counts them exactly once and shows the score live.",
      "  estadio all --data contest\n"
      "  estadio all --data contest --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem\n"
      "  curl -d '{\"faculty\":\"Ingeniería\",\"discipline\":1}' -H 'Content-Type: "
      "application/json' localhost:8080/v1/entries\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = load_settings(settings, arguments)) return *status;

  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, options.log);
  const auto contest = WholeContest::start(options, clock, log);
  if (!contest) return exit_status_of(contest.error());
  signals.wait();
  log.info("stopping: no new entries are taken, those under way are answered");
  return kExitOk;
}

}  // namespace estadio
