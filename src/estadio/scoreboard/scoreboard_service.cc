#include "estadio/scoreboard/scoreboard_service.h"

#include <fmt/format.h>
#include <utility>

#include "estadio/scoreboard/score_json.h"
#include "http/problem.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{200};
constexpr std::chrono::seconds kHeartbeatEvery{10};

std::string event_text(std::string_view event, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", event, data);
}

std::string score_of(const ScoreView& view, const Contest& contest) {
  return score_json(view.score, contest, view.facts);
}

std::string contest_of(const ScoreView& view, const Contest& contest) {
  return contest_json(contest, view.facts);
}

void refuse(http::Exchange& exchange, const base::Error& error) {
  http::respond_problem(exchange, http::status_of(error.code()), error.message());
}

}  // namespace

void ScoreboardService::install(http::Router& router, net::EventLoop& loop) {
  loop_ = &loop;
  router.add(http::Method::kGet, "/v1/scores",
             [this](const http::Request&, http::Exchange exchange) { answer(exchange, score_of); });
  router.add(
      http::Method::kGet, "/v1/contest",
      [this](const http::Request&, http::Exchange exchange) { answer(exchange, contest_of); });
  router.add(http::Method::kGet, "/v1/scores/stream",
             [this](const http::Request&, http::Exchange exchange) { subscribe(exchange); });
  http::add_assets(router, board_.page);
  tick();
}

void ScoreboardService::answer(http::Exchange exchange, ToJson to_json) const {
  const auto view = board_.read();
  if (!view) return refuse(exchange, view.error());
  exchange.respond({.status = 200,
                    .content_type = "application/json",
                    .body = to_json(*view, board_.contest),
                    .extra_headers = "Cache-Control: no-store\r\n"});
}

void ScoreboardService::subscribe(http::Exchange exchange) {
  const auto view = board_.read();
  if (!view) return refuse(exchange, view.error());
  exchange.start_stream("text/event-stream");
  const bool is_open =
      exchange.send("retry: 1000\n\n" + event_text("contest", contest_of(*view, board_.contest)) +
                    event_text("history", board_.history.all()) +
                    event_text("score", score_of(*view, board_.contest)));
  if (is_open) subscribers_.push_back({.exchange = exchange});
}

void ScoreboardService::send_to_all(std::string_view event, std::string_view data) {
  const std::string text = event.empty() ? ": still here\n\n" : event_text(event, data);
  std::erase_if(subscribers_, [&](const Subscriber& subscriber) {
    return !subscriber.is_behind && !subscriber.exchange.send(text);
  });
  last_sent_ = loop_->now();
}

void ScoreboardService::send_latest_score() {
  std::string text;
  std::erase_if(subscribers_, [&](Subscriber& subscriber) {
    if (subscriber.has_latest_score || subscriber.is_behind) return false;
    if (text.empty()) text = event_text("score", last_score_);
    subscriber.has_latest_score = true;
    last_sent_ = loop_->now();
    return !subscriber.exchange.send(text);
  });
}

void ScoreboardService::tick() {
  board_.history.advance(board_.clock.wall_ms());
  const std::uint64_t points = board_.history.count();
  if (subscribers_.empty()) {
    next_point_ = points;
  } else {
    if (const auto view = board_.read()) {
      std::string score = score_of(*view, board_.contest);
      if (score != last_score_) {
        last_score_ = std::move(score);
        for (Subscriber& subscriber : subscribers_) subscriber.has_latest_score = false;
      }
    }
    for (Subscriber& subscriber : subscribers_) {
      subscriber.is_behind = subscriber.exchange.is_behind();
    }
    for (; next_point_ < points; ++next_point_) {
      if (const auto point = board_.history.at(next_point_)) send_to_all("stats", *point);
    }
    if (loop_->now() - last_sent_ > kHeartbeatEvery) send_to_all({}, {});
    send_latest_score();  // last: one score may fill the bound on unsent bytes
  }
  loop_->at(loop_->clock().mono() + kTickEvery, [this] { tick(); });
}

}  // namespace estadio
