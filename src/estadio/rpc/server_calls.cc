#include "estadio/rpc/server_calls.h"

#include <utility>

#include "estadio/rpc/server_stream.h"

namespace estadio {

ServerCalls::ServerCalls(JudgeServer::Options options, JudgeServer::Dependencies deps,
                         DisciplineMask judged)
    : options_(std::move(options)),
      deps_(std::move(deps)),
      judged_(judged),
      one_judge_(deps_.make_judge()),
      random_(options_.seed) {}

HandshakeParty ServerCalls::party() const {
  return {.contest = deps_.contest,
          .coin_commitment = options_.coin_commitment,
          .started_at_ms = options_.started_at_ms,
          .retry_window_ms = deps_.retry.window_ms()};
}

bool ServerCalls::enter() {
  const std::scoped_lock lock(mutex_);
  ++calls_;
  return !is_stopping_;
}

void ServerCalls::leave() {
  const std::scoped_lock lock(mutex_);
  --calls_;
  changed_.notify_all();
}

ServerCalls::Admission ServerCalls::admit(ServerStream& stream) {
  const std::scoped_lock lock(mutex_);
  ++calls_;
  // Checked together with begin_stopping(), so that each admitted stream gets its GoAway.
  if (is_stopping_) return Admission::kStopping;
  if (streams_.size() >= options_.streams_max) return Admission::kFull;
  streams_.insert(&stream);
  return Admission::kAdmitted;
}

void ServerCalls::remove(ServerStream& stream) {
  const std::scoped_lock lock(mutex_);
  streams_.erase(&stream);
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
  for (ServerStream* stream : streams_) stream->tick(now);
}

void ServerCalls::begin_stopping() {
  const std::scoped_lock lock(mutex_);
  is_stopping_ = true;
  const base::Nanos now = deps_.clock.mono();
  for (ServerStream* stream : streams_) stream->stop(now);
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
  return {.streams_open = streams_.size(),
          .streams_refused = counters.streams_refused.load(std::memory_order_relaxed),
          .go_aways = counters.go_aways.load(std::memory_order_relaxed),
          .batches = counters.batches.load(std::memory_order_relaxed),
          .batches_malformed = counters.batches_malformed.load(std::memory_order_relaxed),
          .entries = counters.entries.load(std::memory_order_relaxed),
          .pauses = counters.pauses.load(std::memory_order_relaxed)};
}

}  // namespace estadio
