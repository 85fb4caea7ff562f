// Score and facts from Redis. Its own thread reads them every 200 ms. read() returns the last
// reading and never waits for Redis.
//
// After a failure the thread tries again after 100 ms, then after twice as long, up to 2 s. It logs
// each change: another error code, or the recovery.
//
// Threads: any thread may call read() and unready_reason().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/periodic_thread.h"
#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/score/redis_facts.h"
#include "estadio/score/redis_score_book.h"
#include "estadio/scoreboard/score_view.h"

namespace estadio {

class RedisWatch {
 public:
  static constexpr std::chrono::milliseconds kReadEvery{200};
  static constexpr std::chrono::milliseconds kRetryFirst{100};
  static constexpr std::chrono::milliseconds kRetryMax{2000};
  // The timeout of a connection and of a command. Meanwhile read() returns the last reading.
  static constexpr std::chrono::milliseconds kPatience{2000};

  // The references must outlive the watch. kPatience replaces the options' timeouts.
  struct Dependencies {
    RedisScoreBook::Options options;
    const Contest& contest;
    const base::Clock& clock;
    base::Logger& log;
  };

  // Starts the thread.
  explicit RedisWatch(Dependencies deps);

  // Returns the last reading. Errors: kUnavailable when it failed, or before the first. The message
  // has no reason, because every user can see it.
  [[nodiscard]] base::Result<ScoreView> read() const;
  // Returns why the last reading failed, or that there is none yet; nothing when it succeeded.
  [[nodiscard]] std::optional<std::string> unready_reason() const;

 private:
  // Reads once. Returns the pause until the next call.
  std::chrono::nanoseconds update();
  base::Result<ScoreView> look();
  void log_change(const base::Result<ScoreView>& view);

  const Dependencies deps_;
  // Used by the thread alone. book_ and facts_ are null until they are opened. logged_ is the error
  // code logged last; nothing while readings succeed.
  std::unique_ptr<RedisScoreBook> book_;
  std::unique_ptr<RedisFacts> facts_;
  std::optional<base::Code> logged_;
  std::chrono::milliseconds retry_after_ = kRetryFirst;
  mutable std::mutex mutex_;
  base::Result<ScoreView> last_;  // guarded by mutex_
  base::PeriodicThread thread_;   // last: it uses the others
};

}  // namespace estadio
