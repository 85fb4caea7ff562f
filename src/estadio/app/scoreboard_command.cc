// `estadio scoreboard`: the live score as its own process, which reads only Redis.
//
//   Redis -> RedisWatch -> HTTP loops (ScoreboardService)
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/signals.h"
#include "estadio/app/commands.h"
#include "estadio/app/http_options.h"
#include "estadio/app/operations.h"
#include "estadio/app/pages.h"
#include "estadio/app/redis_options.h"
#include "estadio/app/redis_watch.h"
#include "estadio/app/role.h"
#include "estadio/app/role_metrics.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/contest_facts.h"
#include "estadio/scoreboard/scoreboard_service.h"
#include "estadio/scoreboard/stats_history.h"
#include "http/metrics.h"
#include "http/server.h"

namespace estadio {
namespace {

constexpr std::uint16_t kPortDefault = 8090;  // differs from the edge's, for one machine

struct ScoreboardOptions {
  ScoreboardOptions() { http.address.port = kPortDefault; }

  HttpOptions http;
  RedisOptions redis;
  std::string contest_file;
  base::Logger::Options log;
};

base::Result<void> check(const ScoreboardOptions& options) {
  RETURN_IF_ERROR(contest_of(options.contest_file));
  RETURN_IF_ERROR(options.redis.check());
  return options.http.check();
}

// Wires the parts of the role. The members are in the order of construction.
class ScoreboardRole {
 public:
  static base::Result<std::unique_ptr<ScoreboardRole>> start(ScoreboardOptions& options,
                                                             const base::Clock& clock,
                                                             base::Logger& log);

  ~ScoreboardRole() {
    if (!server_) return;  // start() failed before serving
    server_->stop(kDrainPatience);
    log_.info("stopped");
  }

 private:
  ScoreboardRole(Contest contest, const ScoreboardOptions& options, const base::Clock& clock,
                 base::Logger& log);

  base::Result<void> serve(const ScoreboardOptions& options, const base::Clock& clock);
  [[nodiscard]] std::optional<StatsHistory::Figures> figures() const;
  void collect(http::MetricsWriter& metrics) const;

  base::Logger& log_;
  const Contest contest_;
  RedisWatch watch_;
  StatsHistory history_;
  const Scoreboard board_;
  http::Metrics metrics_;
  const Operations::UnreadyReason unready_reason_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<http::Server> server_;
};

ScoreboardRole::ScoreboardRole(Contest contest, const ScoreboardOptions& options,
                               const base::Clock& clock, base::Logger& log)
    : log_(log),
      contest_(std::move(contest)),
      watch_({.options = options.redis.to_book(), .contest = contest_, .clock = clock, .log = log}),
      history_([this] { return figures(); }),
      board_{.contest = contest_,
             .read = [this] { return watch_.read(); },
             .history = history_,
             .clock = clock,
             .page = scoreboard_page()},
      unready_reason_([this] { return watch_.unready_reason(); }) {
  metrics_.add([this](http::MetricsWriter& metrics) { collect(metrics); });
}

base::Result<std::unique_ptr<ScoreboardRole>> ScoreboardRole::start(ScoreboardOptions& options,
                                                                    const base::Clock& clock,
                                                                    base::Logger& log) {
  RETURN_IF_ERROR(options.http.fit_to_open_files(log));
  ASSIGN_OR_RETURN(Contest contest, contest_of(options.contest_file));
  std::unique_ptr<ScoreboardRole> role(new ScoreboardRole(std::move(contest), options, clock, log));
  RETURN_IF_ERROR(role->serve(options, clock));
  return role;
}

base::Result<void> ScoreboardRole::serve(const ScoreboardOptions& options,
                                         const base::Clock& clock) {
  ASSIGN_OR_RETURN(tls_, options.http.load_tls());
  ASSIGN_OR_RETURN(server_,
                   http::Server::open(
                       options.http.to_server(tls_.get()),
                       {[this] { return std::make_unique<ScoreboardService>(board_); },
                        [this] { return std::make_unique<Operations>(metrics_, unready_reason_); }},
                       clock, log_));
  server_->serve();
  log_serving(*server_, options.http, log_);
  return {};
}

// Returns the counted figures. Only the edges know their refusals and latencies.
std::optional<StatsHistory::Figures> ScoreboardRole::figures() const {
  const auto view = watch_.read();
  if (!view) return std::nullopt;
  return StatsHistory::Figures{
      .accepted = static_cast<std::uint64_t>(view->score.total() + view->score.repeated),
      .rejected = std::nullopt,
      .recent_latencies = std::nullopt,
      .lag = lag_of(view->score, view->facts)};
}

void ScoreboardRole::collect(http::MetricsWriter& metrics) const {
  const auto view = watch_.read();
  metrics.gauge("estadio_score_readable", "1 while the score can be read from Redis.",
                view ? 1 : 0);
  if (view) {
    write_metrics(metrics, view->score, contest_);
    write_lag(metrics, lag_of(view->score, view->facts));
  }
  write_metrics(metrics, server_->stats());
}

}  // namespace

int run_scoreboard(Arguments arguments) {
  ScoreboardOptions options;
  base::Settings settings = settings_for(
      "scoreboard",
      "Shows the score live, as it is in Redis: the page, JSON and server-sent events. Needs "
      "nothing\nelse; while Redis is away it is not ready, says so, and goes on when Redis is "
      "back.",
      "  estadio scoreboard --redis redis://127.0.0.1:6379/0\n"
      "  estadio scoreboard --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem \\\n"
      "    --redis rediss://board@redis.example --redis-password-file board.password\n"
      "  curl localhost:8090/v1/scores\n");
  options.http.add_to(settings);
  options.redis.add_to(settings);
  add_contest_setting(settings, options.contest_file);
  add_log_settings(settings, options.log);
  settings.add_check([&options] { return check(options); });
  if (const auto status = load_settings(settings, arguments)) return *status;

  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, options.log);
  const auto role = ScoreboardRole::start(options, clock, log);
  if (!role) return exit_status_of(role.error());
  signals.wait();
  log.info("stopping: requests under way are answered");
  return kExitOk;
}

}  // namespace estadio
