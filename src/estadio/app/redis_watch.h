// Score and facts from Redis, read a few times a second by a thread of its own. read() returns the
// last reading and never waits for Redis.
//
// While Redis is away, refuses us, or holds what cannot be read, the thread tries again, ever more
// seldom. It logs the first failure and the recovery.
//
// Threads: read() and unready_reason() from any thread.
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
  // The wait for a connection or an answer. The last reading is served meanwhile.
  static constexpr std::chrono::milliseconds kPatience{2000};

  // The references must outlive the watch. The options' timeouts are kPatience, whatever they say.
  struct Dependencies {
    RedisScoreBook::Options options;
    const Contest& contest;
    const base::Clock& clock;
    base::Logger& log;
  };

  // Begins to read.
  explicit RedisWatch(Dependencies deps);

  // Returns the last reading. Errors: kUnavailable, without the reason, since all users see it.
  [[nodiscard]] base::Result<ScoreView> read() const;
  // Why the last reading failed; nothing when it did not.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

 private:
  void run(const std::stop_token& stop);
  base::Result<ScoreView> look();
  void log_change(const base::Result<ScoreView>& view);

  const Dependencies deps_;
  // Used by the thread alone: null until they could be opened; the error that was logged last,
  // nothing after a reading or before the first.
  std::unique_ptr<RedisScoreBook> book_;
  std::unique_ptr<RedisFacts> facts_;
  std::optional<base::Code> logged_;
  mutable std::mutex mutex_;
  std::condition_variable_any stopped_;
  // Guarded by mutex_.
  base::Result<ScoreView> last_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace estadio
