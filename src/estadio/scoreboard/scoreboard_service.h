// The live score: GET /v1/scores, /v1/scores/stream (server-sent events), /v1/contest and the
// page at /.
//
// While the stream has subscribers, the score is read five times a second and sent when it has
// changed.
//
// Threads: a ScoreboardService belongs to its loop; Scoreboard is shared by the loops.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/scoreboard/score_view.h"
#include "estadio/scoreboard/stats_history.h"
#include "http/assets.h"
#include "http/router.h"
#include "http/server.h"

namespace estadio {

// The loops share this. REQUIRES: it outlives the server.
struct Scoreboard {
  const Contest& contest;
  // Every loop calls it, so it must not wait. When it fails, requests get its error and subscribers
  // get nothing until a read succeeds.
  std::function<base::Result<ScoreView>()> read;
  StatsHistory& history;
  const base::Clock& clock;
  std::span<const http::Asset> page;
};

class ScoreboardService final : public http::Service {
 public:
  explicit ScoreboardService(const Scoreboard& board) : board_(board) {}

  void install(http::Router& router, net::EventLoop& loop) override;

 private:
  // A client of /v1/scores/stream. A slow client gets fewer scores. Each one is whole, and the last
  // one is the latest.
  struct Subscriber {
    http::Exchange exchange;
    bool has_latest_score = true;
    bool is_behind = false;  // has not read all that was sent before this tick
  };

  using ToJson = std::string (*)(const ScoreView& view, const Contest& contest);

  void answer(http::Exchange exchange, ToJson to_json) const;
  void subscribe(http::Exchange exchange);
  void tick();
  void send_to_all(std::string_view event, std::string_view data);
  void send_latest_score();

  const Scoreboard& board_;
  net::EventLoop* loop_ = nullptr;
  std::vector<Subscriber> subscribers_;
  std::string last_score_;
  std::uint64_t next_point_ = 0;
  base::Nanos last_sent_{};
};

}  // namespace estadio
