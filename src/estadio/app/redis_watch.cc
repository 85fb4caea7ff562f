#include "estadio/app/redis_watch.h"

#include <algorithm>
#include <utility>

namespace estadio {
namespace {

RedisScoreBook::Options impatient(RedisScoreBook::Options options) {
  options.connect_timeout = RedisWatch::kPatience;
  options.command_timeout = RedisWatch::kPatience;
  return options;
}

// Raises each end to the position. Tallies publish ends once a second and positions with each
// commit, so an end may be behind the records already counted.
void raise_ends(const Score& score, ContestFacts& facts) {
  for (ContestFacts::End& end : facts.ends) {
    end.offset = std::max(end.offset, score.position(end.partition));
  }
}

}  // namespace

RedisWatch::RedisWatch(Dependencies deps)
    : deps_{.options = impatient(std::move(deps.options)),
            .contest = deps.contest,
            .clock = deps.clock,
            .log = deps.log},
      last_(base::fail(base::Code::kUnavailable, "the score has not been read yet")),
      thread_([this] { return update(); }) {}

base::Result<ScoreView> RedisWatch::read() const {
  const std::scoped_lock lock(mutex_);
  if (last_) return last_;
  return base::fail(base::Code::kUnavailable,
                    "the score cannot be read now; /readyz shows the reason");
}

std::optional<std::string> RedisWatch::unready_reason() const {
  const std::scoped_lock lock(mutex_);
  return last_ ? std::nullopt : std::optional(last_.error().message());
}

std::chrono::nanoseconds RedisWatch::update() {
  base::Result<ScoreView> view = look();
  log_change(view);
  std::chrono::milliseconds pause = kReadEvery;
  if (view) {
    retry_after_ = kRetryFirst;
  } else {
    pause = std::exchange(retry_after_, std::min(2 * retry_after_, kRetryMax));
  }
  const std::scoped_lock lock(mutex_);
  last_ = std::move(view);
  return pause;
}

base::Result<ScoreView> RedisWatch::look() {
  if (!book_) {
    ASSIGN_OR_RETURN(book_,
                     RedisScoreBook::open(deps_.options, deps_.contest, deps_.clock, deps_.log));
  }
  if (!facts_) {
    ASSIGN_OR_RETURN(facts_, RedisFacts::open(deps_.options, deps_.clock));
  }
  ASSIGN_OR_RETURN(ContestFacts facts, facts_->read());
  ASSIGN_OR_RETURN(Score score, book_->read());
  raise_ends(score, facts);
  return ScoreView{.score = std::move(score), .facts = std::move(facts)};
}

void RedisWatch::log_change(const base::Result<ScoreView>& view) {
  const auto error = view ? std::nullopt : std::optional(view.error().code());
  if (error == logged_) return;
  logged_ = error;
  if (view) {
    deps_.log.info("reading the score from Redis");
  } else {
    deps_.log.warning("cannot read the score from Redis; trying again", {{"reason", view.error()}});
  }
}

}  // namespace estadio
