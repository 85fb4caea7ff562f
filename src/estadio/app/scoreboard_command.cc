// `estadio scoreboard`: the live score as its own process, which reads only Redis.
//
//   Redis -> RedisWatch -> HTTP loops (ScoreboardService)
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/app/contest_role.h"
#include "estadio/app/pages.h"
#include "estadio/app/redis_options.h"
#include "estadio/app/redis_watch.h"
#include "estadio/contest/contest.h"
#include "estadio/scoreboard/score_metrics.h"
#include "estadio/scoreboard/scoreboard_service.h"
#include "estadio/scoreboard/stats_history.h"
#include "service/http_host.h"
#include "service/http_options.h"
#include "service/log_settings.h"
#include "service/role.h"

namespace estadio {
namespace {

constexpr std::uint16_t kPortDefault = 8090;  // differs from the edge's, for one machine

struct ScoreboardOptions {
  ScoreboardOptions() { http.address.port = kPortDefault; }

  service::HttpOptions http;
  RedisOptions redis;
  std::string contest_file;
  base::Logger::Options log;
};

base::Result<void> check(const ScoreboardOptions& options) {
  RETURN_IF_ERROR(load_contest(options.contest_file));
  RETURN_IF_ERROR(options.redis.check());
  return options.http.check();
}

// The members are in the order of construction.
class ScoreboardRole final : public service::Role {
 public:
  ScoreboardRole(const ScoreboardOptions& options, Contest contest, const service::Context& context)
      : options_(options),
        contest_(std::move(contest)),
        context_(context),
        watch_({.options = options.redis.to_book(),
                .contest = contest_,
                .clock = context.clock,
                .log = context.log}),
        history_([this] { return figures(); }),
        board_{.contest = contest_,
               .read = [this] { return watch_.read(); },
               .history = history_,
               .clock = context.clock,
               .page = scoreboard_page()} {}

  base::Result<void> open() override {
    ASSIGN_OR_RETURN(
        http_, service::HttpHost::open(
                   options_.http, {[this] { return std::make_unique<ScoreboardService>(board_); }},
                   *this, context_));
    return {};
  }
  void serve() override { http_->serve(); }
  void stop() override { http_->stop(); }
  [[nodiscard]] std::optional<std::string> unready_reason() const override {
    return watch_.unready_reason();
  }
  void write_metrics(base::MetricsWriter& metrics) const override;

 private:
  [[nodiscard]] std::optional<StatsHistory::Figures> figures() const;

  const ScoreboardOptions& options_;
  const Contest contest_;
  const service::Context context_;
  RedisWatch watch_;
  StatsHistory history_;
  const Scoreboard board_;
  std::unique_ptr<service::HttpHost> http_;
};

// Returns the counted figures. Only the edges know their refusals and latencies.
std::optional<StatsHistory::Figures> ScoreboardRole::figures() const {
  const auto view = watch_.read();
  if (!view) return std::nullopt;
  return StatsHistory::Figures{.accepted = static_cast<std::uint64_t>(
                                   view->score.total() + view->score.not_counted.repeated),
                               .rejected = std::nullopt,
                               .recent_latencies = std::nullopt,
                               .lag = lag_of(view->score, view->facts)};
}

void ScoreboardRole::write_metrics(base::MetricsWriter& metrics) const {
  const auto view = watch_.read();
  metrics.gauge("estadio_score_readable", "1 while the score can be read from Redis.",
                view.has_value());
  if (view) estadio::write_metrics(metrics, *view, contest_);
}

}  // namespace

int run_scoreboard(base::Arguments arguments) {
  ScoreboardOptions options;
  base::Settings settings = program().settings_for(
      "scoreboard",
      "Shows the live score from Redis as a page, JSON and server-sent events. Needs Redis "
      "alone.\nWhile Redis is away, /readyz fails with the reason. The score returns when Redis "
      "does.",
      "  estadio scoreboard --redis redis://127.0.0.1:6379/0\n"
      "  estadio scoreboard --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem \\\n"
      "    --redis rediss://board@redis.example --redis-password-file board.password\n"
      "  curl localhost:8090/v1/scores\n");
  options.http.add_to(settings);
  options.redis.add_to(settings);
  add_contest_setting(settings, options.contest_file);
  service::add_log_settings(settings, options.log);
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  return run_contest_role<ScoreboardRole>(options);
}

}  // namespace estadio
