#include "estadio/scoreboard/scoreboard_service.h"

#include <fmt/format.h>

#include "base/json.h"
#include "estadio/scoreboard/score_json.h"
#include "http/problem.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kTickEvery{200};
constexpr std::chrono::seconds kHeartbeatEvery{10};

std::string event_text(std::string_view event, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", event, data);
}

}  // namespace

void ScoreboardService::install(http::Router& router, http::EventLoop& loop) {
  loop_ = &loop;
  router.add(http::Method::kGet, "/v1/scores",
             [this](const http::Request&, http::Exchange exchange) { answer_score(exchange); });
  router.add(http::Method::kGet, "/v1/scores/stream",
             [this](const http::Request&, http::Exchange exchange) { open_stream(exchange); });
  router.add(http::Method::kGet, "/v1/contest",
             [this](const http::Request&, http::Exchange exchange) {
               exchange.respond({.status = 200,
                                 .content_type = "application/json",
                                 .body = contest_json(),
                                 .extra_headers = "Cache-Control: no-store\r\n"});
             });
  http::add_assets(router, board_.page);
  tick();
}

base::Result<std::string> ScoreboardService::current_score() const {
  ASSIGN_OR_RETURN(const Score score, board_.scores.read());
  return score_json(score, board_.contest, board_.events);
}

void ScoreboardService::answer_score(http::Exchange exchange) const {
  const auto score = current_score();
  if (!score) {
    return http::respond_problem(exchange, http::status_of(score.error().code()),
                                 score.error().message());
  }
  exchange.respond({.status = 200,
                    .content_type = "application/json",
                    .body = *score,
                    .extra_headers = "Cache-Control: no-store\r\n"});
}

std::string ScoreboardService::contest_json() const {
  std::string json = R"({"name":)";
  base::append_json_string(json, board_.contest.name());
  json += R"(,"faculties":[)";
  for (const Faculty& faculty : board_.contest.faculties()) {
    if (json.back() != '[') json += ',';
    base::append_json_string(json, faculty.name);
  }
  json += R"(],"disciplines":[)";
  for (const Discipline& discipline : board_.contest.disciplines()) {
    if (json.back() != '[') json += ',';
    json += R"({"id":)";
    base::append_json_number(json, discipline.id);
    json += R"(,"name":)";
    base::append_json_string(json, discipline.name);
    json += '}';
  }
  json += R"(],"seed_commitment":")" + board_.coin.commitment() + '"';
  if (const auto closes_at_ms = board_.contest.closes_at_ms()) {
    json += R"(,"closes_at_ms":)";
    base::append_json_number(json, *closes_at_ms);
    if (board_.clock.wall_ms() >= *closes_at_ms) {
      json += R"(,"seed":")" + board_.coin.reveal() + '"';
    }
  }
  json += R"(,"started_at_ms":)";
  base::append_json_number(json, board_.started_at_ms);
  json += R"(,"retry_window_seconds":)";
  base::append_json_number(
      json, static_cast<double>(board_.window.in_force_ms().value_or(0)) / 1000.0, 3);
  json += '}';
  return json;
}

void ScoreboardService::open_stream(http::Exchange exchange) {
  const auto score = current_score();
  if (!score) {
    return http::respond_problem(exchange, http::status_of(score.error().code()),
                                 score.error().message());
  }
  exchange.start_stream("text/event-stream");
  const bool is_open =
      exchange.send("retry: 1000\n\n" + event_text("contest", contest_json()) +
                    event_text("history", board_.pulses.all()) + event_text("score", *score));
  if (is_open) streams_.push_back({.exchange = exchange});
}

void ScoreboardService::send_to_all(std::string_view event, std::string_view data) {
  const std::string text = event.empty() ? ": still here\n\n" : event_text(event, data);
  std::erase_if(streams_, [&](const Stream& stream) {
    return !stream.is_behind && !stream.exchange.send(text);
  });
  last_sent_ = loop_->now();
}

void ScoreboardService::send_latest_score() {
  std::string text;
  std::erase_if(streams_, [&](Stream& stream) {
    if (stream.has_latest_score || stream.is_behind) return false;
    if (text.empty()) text = event_text("score", last_score_);
    stream.has_latest_score = true;
    last_sent_ = loop_->now();
    return !stream.exchange.send(text);
  });
}

void ScoreboardService::tick() {
  board_.pulses.advance(board_.clock.wall_ms());
  const std::uint64_t pulses = board_.pulses.count();
  if (streams_.empty()) {
    next_pulse_ = pulses;
  } else {
    if (const auto score = current_score(); score && *score != last_score_) {
      last_score_ = *score;
      for (Stream& stream : streams_) stream.has_latest_score = false;
    }
    for (Stream& stream : streams_) stream.is_behind = stream.exchange.is_behind();
    for (; next_pulse_ < pulses; ++next_pulse_) {
      if (const auto pulse = board_.pulses.at(next_pulse_)) send_to_all("pulse", *pulse);
    }
    if (loop_->now() - last_sent_ > kHeartbeatEvery) send_to_all({}, {});
    send_latest_score();  // last: it may be as large as all that may be unsent
  }
  loop_->at(loop_->clock().mono() + kTickEvery, [this] { tick(); });
}

}  // namespace estadio
