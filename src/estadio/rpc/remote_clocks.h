// The clocks of the judges' servers, as their messages show them. Between messages the monotonic
// clock extends the last reading, so our own wall clock does not matter.
//
// A reading is too early by the time that its message travelled. This does no harm, because a judge
// takes ids that are a minute older than the edge takes (RetryRule).
//
// The earliest and the latest clock, our own included, may be more than kApartMax apart. Then a
// warning names these two.
//
// Threads: update() belongs to one thread. The others may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "estadio/dedup/judge_clocks.h"

namespace estadio {

class RemoteClocks final : public JudgeClocks {
 public:
  static constexpr std::chrono::milliseconds kApartMax{30'000};

  // One server's clock, by the last message of one stream.
  struct Reading {
    std::string_view address;
    std::chrono::milliseconds offset{};  // the server's wall clock less our monotonic clock
    RetryRule rule{RetryRule::kWindowDefault};
    IdCheck check = IdCheck::kByTime;
  };

  // REQUIRES: both outlive this.
  RemoteClocks(const base::Clock& clock, base::Logger& log) : clock_(clock), log_(log) {}

  // Takes the readings of all streams that are open. Without any, the earlier readings stay.
  // REQUIRES: the addresses outlive this.
  void update(std::span<const Reading> readings);

  [[nodiscard]] std::optional<JudgeTimes> now() const override;

  // Returns, for each address, how far its clock is ahead of ours. If an address has several
  // servers, their clock that is furthest from ours decides.
  [[nodiscard]] std::map<std::string, std::chrono::milliseconds> ahead_by_address() const;

 private:
  static constexpr std::int64_t kUnknown = -1;

  [[nodiscard]] std::chrono::milliseconds own_offset() const;
  void warn_if_apart(std::span<const Reading> readings);

  const base::Clock& clock_;
  base::Logger& log_;
  bool is_apart_ = false;  // update()'s alone

  // now() may read these while update() stores them. Each value is right by itself, so it may use
  // values of two updates.
  std::atomic<std::int64_t> earliest_offset_ms_{0};
  std::atomic<std::int64_t> latest_offset_ms_{0};
  std::atomic<std::int64_t> window_ms_{kUnknown};
  std::atomic<IdCheck> check_{IdCheck::kByTime};

  mutable std::mutex mutex_;
  std::vector<Reading> readings_;  // guarded by mutex_; the latest
};

void write_metrics(base::MetricsWriter& metrics, const RemoteClocks& clocks);

}  // namespace estadio
