// Score and facts as Redis has them, read a few times a second by a thread of its own: whoever asks
// gets what was read last and never waits, however Redis is doing.
//
// While Redis is away, refuses us, or holds what cannot be read, the thread tries again, ever more
// seldom. That it is so is logged once, and once that it is over.
//
// Threads: read() and hindrance() from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/score/redis_facts.h"
#include "estadio/score/redis_score_book.h"
#include "estadio/scoreboard/scoreboard_service.h"

namespace estadio {

class RedisWatch {
 public:
  static constexpr std::chrono::milliseconds kReadEvery{200};
  static constexpr std::chrono::milliseconds kRetryFirst{100};
  static constexpr std::chrono::milliseconds kRetryMax{2000};
  // With a connection or an answer. What was read last counts meanwhile: a Redis that falls silent
  // is known to be away some seconds later.
  static constexpr std::chrono::milliseconds kPatience{2000};

  // The references must outlive the watch. The options' timeouts are kPatience, whatever they say.
  struct Parts {
    RedisScoreBook::Options options;
    const Contest& contest;
    const base::Clock& clock;
    base::Logger& log;
  };

  // Begins to read.
  explicit RedisWatch(Parts parts);

  // As of the last reading. Errors: kUnavailable, for people who watch: it tells no more than that.
  [[nodiscard]] base::Result<ScoreView> read() const;
  // Why the last reading failed; nothing when it did not.
  [[nodiscard]] std::optional<std::string> hindrance() const;

 private:
  void run(const std::stop_token& stop);
  base::Result<ScoreView> look();
  void tell(const base::Result<ScoreView>& view);

  const Parts parts_;
  // Of the thread alone: null until they could be opened; what was last logged, nothing when all
  // was well or nothing was read yet.
  std::unique_ptr<RedisScoreBook> book_;
  std::unique_ptr<RedisFacts> facts_;
  std::optional<base::Code> told_;
  mutable std::mutex mutex_;
  std::condition_variable_any stopped_;
  // Guarded by mutex_.
  base::Result<ScoreView> last_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace estadio
