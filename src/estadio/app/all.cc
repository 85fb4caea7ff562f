// `estadio all`: every role in one process on embedded parts.
//
//   HTTP loops (FacultyService, ScoreboardService) -> LocalJudge -> DiskLog -> Tally ->
//   RocksScoreBook
#include <sched.h>

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/data_folder.h"
#include "estadio/app/pages.h"
#include "estadio/app/signals.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/retry_window.h"
#include "estadio/contest/vitals.h"
#include "estadio/discipline/local_judge.h"
#include "estadio/faculty/faculty_service.h"
#include "estadio/log/disk_log.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/scoreboard/scoreboard_service.h"
#include "estadio/tally/tally.h"
#include "http/address.h"
#include "http/metrics.h"
#include "http/problem.h"
#include "http/server.h"

namespace estadio {
namespace {

struct AllOptions {
  std::string data;
  std::string contest_file;
  http::Address http = {.host = "127.0.0.1", .port = 8080, .unix_path = {}};
  std::string tls_certificate;
  std::string tls_key;
  std::int64_t http_threads = 0;  // 0: half of the processors
  std::int64_t max_connections = 10'000;
  base::Bytes max_body{std::uint64_t{4} << 20};
  std::int64_t max_entries = 10'000;
  base::Bytes max_in_flight{std::uint64_t{64} << 20};
  std::chrono::nanoseconds receive_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(75);
  std::chrono::nanoseconds durability_timeout = std::chrono::seconds(10);
  base::Bytes segment_bytes{std::uint64_t{64} << 20};
  std::optional<std::chrono::nanoseconds> retry_window;  // nothing: as the folder has it
  std::optional<std::int64_t> retry_ids;
  base::Logger::Options log;
};

constexpr std::chrono::seconds kDrainPatience{15};

void add_settings(base::Settings& settings, AllOptions& options) {
  settings.add("data", options.data, "DIR", "folder of the contest; made when it is not there");
  settings.add_parsed(
      "http", "ADDR", "where to listen: HOST:PORT or unix:PATH; port 0 takes a free one",
      [&](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.http, http::Address::parse(text));
        return {};
      },
      [&] { return options.http.to_string(); });
  settings.add("contest", options.contest_file, "FILE",
               "contest.toml; kept in the data folder for later starts");
  settings.add("tls-cert", options.tls_certificate, "FILE", "certificate chain (PEM): serve HTTPS");
  settings.add("tls-key", options.tls_key, "FILE", "key of the certificate (PEM)");
  settings.add("http-threads", options.http_threads, 0, 256,
               "threads that serve HTTP; 0: half of the processors");
  settings.add("max-connections", options.max_connections, 1, 1'000'000,
               "connections open at once; more get 503");
  settings.add("max-body", options.max_body, "size of a request's body; larger gets 413");
  settings.add("max-entries", options.max_entries, 1, 1'000'000,
               "entries in a request; more get 413");
  settings.add("max-in-flight", options.max_in_flight,
               "bodies not durable yet, in all; more get 429");
  settings.add("receive-timeout", options.receive_timeout,
               "a request must have come whole within this; else 408");
  settings.add("idle-timeout", options.idle_timeout, "an idle connection is closed after this");
  settings.add("durability-timeout", options.durability_timeout,
               "entries not durable within this get 504");
  settings.add("segment-bytes", options.segment_bytes, "size of a file of the log");
  settings.add_parsed(
      "retry-window", "TIME",
      "how long a client may send an id again and have it counted once; fixed by the first start",
      [&](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.retry_window, base::parse_duration(text));
        return {};
      },
      [&] { return base::format_duration(options.retry_window.value_or(RetryRule().window)); });
  settings.add_parsed(
      "retry-ids", "N",
      "how many of the clients' ids are remembered for that, 24 bytes each; fixed by the first "
      "start",
      [&](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.retry_ids, base::parse_integer(text, 1, 1'000'000'000));
        return {};
      },
      [&] { return std::to_string(options.retry_ids.value_or(RetryRule().ids)); });
  add_log_settings(settings, options.log);
}

// What the settings must fulfil together, and the files that they name.
base::Result<void> check(const AllOptions& options) {
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (options.data.empty()) return refuse("data: expected a folder, as in --data contest");
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return refuse("tls-cert and tls-key go together");
  }
  if (options.max_body.count < 1024 || options.max_body.count > options.max_in_flight.count) {
    return refuse("max-body: expected 1KiB or more, and at most max-in-flight");
  }
  if (options.max_in_flight.count > DiskLog::kGatheringBytesMax) {
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
  if (!options.tls_certificate.empty()) {
    auto tls = http::TlsContext::for_server(options.tls_certificate, options.tls_key);
    if (!tls) return base::fail(std::move(tls).error().within("tls-cert, tls-key"));
  }
  return {};
}

unsigned threads_to_serve(std::int64_t asked) {
  if (asked > 0) return static_cast<unsigned>(asked);
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof processors, &processors) != 0) return 1;
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&processors)) / 2);
}

// The parts of a contest, wired; the order of members is the order of construction, and
// destruction stops them the other way round: no entries, then no log, then no count.
class WholeContest {
 public:
  static base::Result<std::unique_ptr<WholeContest>> start(const AllOptions& options,
                                                           const base::Clock& clock,
                                                           base::Logger& log);

  ~WholeContest() {
    if (!server_) return;  // it did not come to serving
    server_->stop(kDrainPatience);
    // What is in the log is counted before the end.
    tally_.reset();
    log_.info("stopped");
  }

  [[nodiscard]] const http::Server& server() const { return *server_; }

 private:
  WholeContest(DataFolder folder, const CoinSeed& seed, const AllOptions& options,
               const base::Clock& clock, base::Logger& log)
      : options_(options),
        clock_(clock),
        log_(log),
        folder_(std::move(folder)),
        coin_(seed),
        window_(folder_.rule().window.count(),
                static_cast<std::size_t>(folder_.contest().partitions()) * 2),
        known_(window_.retention_ms()) {}

  base::Result<void> open_stores();
  base::Result<void> serve();
  [[nodiscard]] std::int64_t uncounted() const;
  void collect(http::MetricsWriter& metrics) const;
  void answer_ready(http::Exchange exchange) const;

  // Health and metrics, in each loop.
  class Operations final : public http::Service {
   public:
    explicit Operations(const WholeContest& contest) : contest_(contest) {}
    void install(http::Router& router, http::EventLoop& loop) override;

   private:
    const WholeContest& contest_;
  };

  const AllOptions& options_;
  const base::Clock& clock_;
  base::Logger& log_;
  const DataFolder folder_;
  const Coin coin_;
  RetryWindow window_;
  KnownIds known_;
  Vitals vitals_;
  std::unique_ptr<http::TlsContext> tls_;
  std::unique_ptr<RocksScoreBook> scores_;
  std::unique_ptr<DiskLog> events_;
  std::unique_ptr<Tally> tally_;
  std::unique_ptr<Pulses> pulses_;
  std::unique_ptr<FacultyEdge> edge_;
  std::unique_ptr<Scoreboard> board_;
  http::Metrics metrics_;
  std::unique_ptr<http::Server> server_;
};

base::Result<std::unique_ptr<WholeContest>> WholeContest::start(const AllOptions& options,
                                                                const base::Clock& clock,
                                                                base::Logger& log) {
  const DataFolder::Asked asked{.contest_file = options.contest_file,
                                .window = options.retry_window,
                                .ids = options.retry_ids};
  ASSIGN_OR_RETURN(DataFolder folder, DataFolder::open(options.data, asked, clock.wall_ms()));
  ASSIGN_OR_RETURN(const CoinSeed seed, load_or_draw_coin_seed(folder.seed_file()));
  auto contest =
      std::unique_ptr<WholeContest>(new WholeContest(std::move(folder), seed, options, clock, log));
  RETURN_IF_ERROR(contest->open_stores());
  RETURN_IF_ERROR(contest->serve());
  return contest;
}

base::Result<void> WholeContest::open_stores() {
  if (!options_.tls_certificate.empty()) {
    ASSIGN_OR_RETURN(auto tls,
                     http::TlsContext::for_server(options_.tls_certificate, options_.tls_key));
    tls_ = std::make_unique<http::TlsContext>(std::move(tls));
  }
  ASSIGN_OR_RETURN(scores_, RocksScoreBook::open(folder_.score_folder(), folder_.contest()));
  ASSIGN_OR_RETURN(events_, DiskLog::open({.folder = folder_.log_folder(),
                                           .partitions = folder_.contest().partitions(),
                                           .segment_bytes = options_.segment_bytes.count},
                                          clock_, log_));
  tally_ = std::make_unique<Tally>(
      Tally::Options{.retry_ids = static_cast<std::size_t>(folder_.rule().ids)},
      Tally::Parts{.contest = folder_.contest(),
                   .events = *events_,
                   .scores = *scores_,
                   .window = window_,
                   .known = &known_,
                   .clock = clock_,
                   .log = log_});
  return {};
}

base::Result<void> WholeContest::serve() {
  pulses_ = std::make_unique<Pulses>(vitals_, [this] { return uncounted(); });
  edge_.reset(new FacultyEdge{
      .contest = folder_.contest(),
      .window = window_,
      .vitals = vitals_,
      .clock = clock_,
      .make_judge =
          [this] {
            return std::make_unique<LocalJudge>(LocalJudge::Parts{.contest = folder_.contest(),
                                                                  .coin = coin_,
                                                                  .events = *events_,
                                                                  .known = known_,
                                                                  .clock = clock_});
          },
      .limits = {.entries_per_request = static_cast<std::size_t>(options_.max_entries),
                 .in_flight_bytes = options_.max_in_flight.count,
                 .durability_timeout = options_.durability_timeout}});
  board_.reset(new Scoreboard{.contest = folder_.contest(),
                              .coin = coin_,
                              .events = *events_,
                              .scores = *scores_,
                              .window = window_,
                              .pulses = *pulses_,
                              .clock = clock_,
                              .started_at_ms = folder_.started_at_ms(),
                              .page = scoreboard_page()});
  metrics_.add([this](http::MetricsWriter& metrics) { collect(metrics); });
  const http::Server::Options options{
      .address = options_.http,
      .threads = threads_to_serve(options_.http_threads),
      .limits = {.connections = static_cast<std::uint32_t>(options_.max_connections),
                 .body_bytes = options_.max_body.count,
                 .receive = options_.receive_timeout,
                 .idle = options_.idle_timeout},
      .tls = tls_.get()};
  ASSIGN_OR_RETURN(
      server_, http::Server::open(options,
                                  {[this] { return std::make_unique<FacultyService>(*edge_); },
                                   [this] { return std::make_unique<ScoreboardService>(*board_); },
                                   [this] { return std::make_unique<Operations>(*this); }},
                                  clock_, log_));
  if (!server_->address().is_loopback() && tls_ == nullptr) {
    log_.warning("listening beyond this machine without TLS",
                 {{"address", server_->address().to_string()}});
  }
  server_->serve();
  log_.info("serving", {{"address", server_->address().to_string()},
                        {"scheme", tls_ == nullptr ? "http" : "https"},
                        {"data", options_.data},
                        {"threads", options.threads},
                        {"coin_commitment", coin_.commitment()}});
  return {};
}

std::int64_t WholeContest::uncounted() const {
  const auto score = scores_->read();
  if (!score) return 0;
  std::int64_t uncounted = 0;
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    for (int number = 0; number < events_->partitions(); ++number) {
      const PartitionId partition{.topic = topic, .number = number};
      uncounted += events_->end_offset(partition).value_or(0) -
                   score->position(events_->topic_id(topic), partition);
    }
  }
  return uncounted;
}

void WholeContest::collect(http::MetricsWriter& metrics) const {
  if (const auto score = scores_->read()) {
    for (const Score::Count& each : score->counts) {
      const auto index = folder_.contest().find_discipline(each.discipline_id);
      metrics.counter("estadio_results_total", "Results counted, each entry once.",
                      static_cast<double>(each.count),
                      {{"faculty", each.faculty},
                       {"discipline", index ? folder_.contest().disciplines()[*index].name
                                            : std::to_string(each.discipline_id)},
                       {"outcome", to_string(each.outcome)}});
    }
    metrics.counter("estadio_results_repeated_total",
                    "Results in the log that were not counted because their id was counted before.",
                    static_cast<double>(score->repeated));
  }
  metrics.gauge("estadio_results_uncounted", "Results in the log that are not in the score yet.",
                static_cast<double>(uncounted()));

  const Vitals::Totals totals = vitals_.totals();
  metrics.counter("estadio_entries_accepted_total", "Entries answered with a durable result.",
                  static_cast<double>(totals.accepted_entries));
  metrics.counter("estadio_entries_repeated_total", "Entries answered as repeats of known ones.",
                  static_cast<double>(totals.repeated_entries));
  metrics.counter("estadio_requests_rejected_total", "Requests for entries that were refused.",
                  static_cast<double>(totals.rejected_requests));
  metrics.histogram("estadio_answer_duration_seconds",
                    "Time from a request's arrival to its durable answer.", vitals_.latencies());
  metrics.gauge("estadio_entries_in_flight_bytes", "Bodies accepted that are not durable yet.",
                static_cast<double>(edge_->in_flight_bytes.load(std::memory_order_relaxed)));
  metrics.gauge("estadio_retry_window_seconds",
                "How far back clients' ids are certainly remembered.",
                static_cast<double>(window_.in_force_ms()) / 1000.0);

  const DiskLog::Stats log = events_->stats();
  metrics.counter("estadio_log_commits_total", "Blocks made durable.",
                  static_cast<double>(log.commits));
  metrics.counter("estadio_log_records_total", "Records made durable.",
                  static_cast<double>(log.records));
  metrics.counter("estadio_log_written_bytes_total", "Bytes written to the log.",
                  static_cast<double>(log.bytes));
  metrics.gauge("estadio_log_full", "1 while the log cannot grow.", log.is_full ? 1 : 0);
  metrics.gauge("estadio_log_failed", "1 after a failed write.", log.has_failed ? 1 : 0);

  const Tally::Stats tally = tally_->stats();
  metrics.counter("estadio_tally_commits_total", "Commits to the score book that were applied.",
                  static_cast<double>(tally.commits));
  metrics.counter("estadio_tally_stale_commits_total",
                  "Commits that were not applied because the book stood elsewhere.",
                  static_cast<double>(tally.stale_commits));

  const http::Server::Stats http = server_->stats();
  metrics.gauge("estadio_http_connections", "Connections open.",
                static_cast<double>(http.connections_open));
  metrics.counter("estadio_http_connections_accepted_total", "Connections accepted.",
                  static_cast<double>(http.connections_accepted));
  metrics.counter("estadio_http_connections_refused_total", "Connections refused at the limit.",
                  static_cast<double>(http.connections_refused));
  metrics.counter("estadio_http_requests_total", "Requests received.",
                  static_cast<double>(http.requests));
  for (std::size_t i = 1; i < std::size(http.responses_by_class); ++i) {
    metrics.counter("estadio_http_responses_total", "Responses by class of status.",
                    static_cast<double>(http.responses_by_class[i]),
                    {{"class", fmt::format("{}xx", i)}});
  }
  metrics.counter("estadio_http_received_bytes_total", "Bytes received.",
                  static_cast<double>(http.received_bytes));
  metrics.counter("estadio_http_sent_bytes_total", "Bytes sent.",
                  static_cast<double>(http.sent_bytes));
}

void WholeContest::answer_ready(http::Exchange exchange) const {
  const DiskLog::Stats log = events_->stats();
  if (log.has_failed) {
    return http::respond_problem(exchange, 503, "the log has failed: start the process again");
  }
  if (log.is_full) return http::respond_problem(exchange, 503, "the disk is full");
  if (tally_->stats().has_stopped) {
    return http::respond_problem(exchange, 503, "counting has stopped: see the log");
  }
  exchange.respond({.status = 200,
                    .content_type = "application/json",
                    .body = R"({"status":"ready"})",
                    .extra_headers = {}});
}

void WholeContest::Operations::install(http::Router& router, http::EventLoop& /*loop*/) {
  contest_.metrics_.add_to(router);
  router.add(http::Method::kGet, "/healthz", [](const http::Request&, http::Exchange exchange) {
    exchange.respond({.status = 200,
                      .content_type = "application/json",
                      .body = R"({"status":"alive"})",
                      .extra_headers = {}});
  });
  router.add(http::Method::kGet, "/readyz", [this](const http::Request&, http::Exchange exchange) {
    contest_.answer_ready(exchange);
  });
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

  StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, options.log);
  const auto contest = WholeContest::start(options, clock, log);
  if (!contest) {
    print_error(contest.error().message());
    const bool is_usage = contest.error().code() == base::Code::kInvalidArgument ||
                          contest.error().code() == base::Code::kFailedPrecondition;
    return is_usage ? kExitUsage : kExitFailed;
  }
  signals.wait();
  log.info("stopping: no new entries are taken, those under way are answered");
  return kExitOk;
}

}  // namespace estadio
