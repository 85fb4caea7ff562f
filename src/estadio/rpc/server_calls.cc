#include "estadio/rpc/server_calls.h"

#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace estadio {

ServerCalls::ServerCalls(JudgeServer::Options options, JudgeServer::Dependencies deps,
                         DisciplineMask judged)
    : options_(std::move(options)),
      deps_(std::move(deps)),
      judged_(judged),
      one_judge_(deps_.make_judge()),
      streams_{.calls_max = options_.streams_max,
               .peers = PeerCounts(options_.streams_per_peer_max)},
      ones_{.calls_max = JudgeServer::kJudgeOneCallsMax,
            .peers = PeerCounts(options_.ones_per_peer_max)},
      random_(options_.seed) {}

HandshakeParty ServerCalls::party() const {
  return {.contest = deps_.contest,
          .coin_commitment = options_.coin_commitment,
          .started_at_ms = options_.started_at_ms,
          .retry_window_ms = deps_.retry.window_ms()};
}

base::Result<void> ServerCalls::admit(ServerCall& call, Kind kind, const std::string& host) {
  const std::scoped_lock lock(mutex_);
  ++calls_;
  // Checked together with begin_stopping(), so that each admitted call gets its stop().
  if (is_stopping_) return base::fail(base::Code::kUnavailable, "the server is stopping");
  Limit& limit = limit_of(kind);
  const std::string_view what = kind == Kind::kStream ? "streams" : "JudgeOne calls";
  if (limit.calls >= limit.calls_max) {
    return base::fail(
        base::Code::kResourceExhausted,
        fmt::format("there are {} {} already, and no more are allowed", limit.calls_max, what));
  }
  if (!limit.peers.enter(host)) {
    counters.peers_refused.fetch_add(1, std::memory_order_relaxed);
    return base::fail(base::Code::kResourceExhausted,
                      fmt::format("{} has {} {} already, and a peer may have no more", host,
                                  limit.peers.calls_max(), what));
  }
  ++limit.calls;
  admitted_.emplace(&call, Admitted{.kind = kind, .host = host});
  return {};
}

void ServerCalls::remove(ServerCall& call) {
  const std::scoped_lock lock(mutex_);
  const auto found = admitted_.find(&call);
  if (found == admitted_.end()) return;
  Limit& limit = limit_of(found->second.kind);
  --limit.calls;
  limit.peers.leave(found->second.host);
  admitted_.erase(found);
}

void ServerCalls::leave() {
  const std::scoped_lock lock(mutex_);
  --calls_;
  changed_.notify_all();
}

std::unique_ptr<Judge> ServerCalls::take_judge() {
  const std::scoped_lock lock(mutex_);
  if (spare_judges_.empty()) return deps_.make_judge();
  auto judge = std::move(spare_judges_.back());
  spare_judges_.pop_back();
  return judge;
}

void ServerCalls::give_back(std::unique_ptr<Judge> judge) {
  const std::scoped_lock lock(mutex_);
  if (judge) spare_judges_.push_back(std::move(judge));
}

base::Nanos ServerCalls::draw_go_away_at() {
  const std::scoped_lock lock(mutex_);
  const double factor = std::uniform_real_distribution(0.8, 1.2)(random_);
  return deps_.clock.mono() + std::chrono::duration_cast<base::Nanos>(options_.stream_age * factor);
}

void ServerCalls::judge_one(EntryBatch& batch, std::span<Verdict> verdicts, Judge::Done done) {
  const std::scoped_lock lock(one_mutex_);
  Entry& entry = batch.entries.front();
  if (!entry.is_id_given) entry.id = ids_.next_marked(deps_.clock.wall_ms());
  one_judge_->judge(batch, verdicts, std::move(done));
}

void ServerCalls::tick() {
  const std::scoped_lock lock(mutex_);
  const base::Nanos now = deps_.clock.mono();
  for (const auto& [call, _] : admitted_) call->tick(now);
}

void ServerCalls::begin_stopping() {
  const std::scoped_lock lock(mutex_);
  is_stopping_ = true;
  const base::Nanos now = deps_.clock.mono();
  for (const auto& [call, _] : admitted_) call->stop(now);
}

void ServerCalls::wait_until_left(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return calls_ == 0; });
}

void ServerCalls::wait_until_left() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return calls_ == 0; });
}

JudgeServer::Stats ServerCalls::stats() const {
  const std::scoped_lock lock(mutex_);
  return {.streams_open = streams_.calls,
          .streams_refused = counters.streams_refused.load(std::memory_order_relaxed),
          .ones_under_way = ones_.calls,
          .ones_refused = counters.ones_refused.load(std::memory_order_relaxed),
          .peers_refused = counters.peers_refused.load(std::memory_order_relaxed),
          .calls_cut_off = counters.calls_cut_off.load(std::memory_order_relaxed),
          .go_aways = counters.go_aways.load(std::memory_order_relaxed),
          .batches = counters.batches.load(std::memory_order_relaxed),
          .batches_malformed = counters.batches_malformed.load(std::memory_order_relaxed),
          .entries = counters.entries.load(std::memory_order_relaxed),
          .pauses = counters.pauses.load(std::memory_order_relaxed)};
}

}  // namespace estadio
