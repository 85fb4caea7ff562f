// The live score: GET /v1/scores, /v1/scores/stream (server-sent events), /v1/contest and the
// page at /.
//
// While somebody watches, the score is read a few times a second and sent when it has changed;
// while nobody does, it is not read.
//
// Threads: a ScoreboardService belongs to its loop; Scoreboard is shared by the loops.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/retry_window.h"
#include "estadio/contest/score_book.h"
#include "estadio/scoreboard/pulses.h"
#include "http/assets.h"
#include "http/router.h"
#include "http/server.h"

namespace estadio {

// What the loops share; must outlive the server.
struct Scoreboard {
  const Contest& contest;
  const Coin& coin;
  const EventLog& events;
  const ScoreBook& scores;
  const RetryWindow& window;
  Pulses& pulses;
  const base::Clock& clock;
  std::int64_t started_at_ms = 0;
  std::span<const http::Asset> page;
};

class ScoreboardService final : public http::Service {
 public:
  explicit ScoreboardService(const Scoreboard& board) : board_(board) {}

  void install(http::Router& router, http::EventLoop& loop) override;

 private:
  // A watcher that does not read as fast as the score changes gets fewer of its changes, always
  // whole, and the last one in the end.
  struct Stream {
    http::Exchange exchange;
    bool has_latest_score = true;
    bool is_behind = false;  // with what was sent before this tick
  };

  [[nodiscard]] base::Result<std::string> current_score() const;
  [[nodiscard]] std::string contest_json() const;
  void answer_score(http::Exchange exchange) const;
  void open_stream(http::Exchange exchange);
  void tick();
  void send_to_all(std::string_view event, std::string_view data);
  void send_latest_score();

  const Scoreboard& board_;
  http::EventLoop* loop_ = nullptr;
  std::vector<Stream> streams_;
  std::string last_score_;
  std::uint64_t next_pulse_ = 0;
  base::Nanos last_sent_{};
};

}  // namespace estadio
