// How far the end of a contest is, for the judges of a process. One thread moves it on, and the
// judges ask it for each batch.
//
//   kOpen      entries are taken, until closes_at by the judge's clock
//   kClosing   no new entry is taken; entries on their way may still come to the log
//   kMarking   the end marks are being written: a record behind one never counts
//   kClosed    what counts is final, and the coin's seed is public
//
// A judge on several machines needs a lease: a time up to which no end mark can be in the log. It
// takes entries and acknowledges them only while it has one.
//
// Threads: every method may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace estadio {

enum class ContestPhase : std::uint8_t { kOpen, kClosing, kMarking, kClosed };

[[nodiscard]] constexpr std::string_view to_string(ContestPhase phase) {
  switch (phase) {
    case ContestPhase::kOpen: return "open";
    case ContestPhase::kClosing: return "closing";
    case ContestPhase::kMarking: return "marking";
    case ContestPhase::kClosed: return "closed";
  }
  return {};
}

class ContestEnd {
 public:
  // kNone: the only process that writes to the log. Its log refuses what comes behind the marks.
  enum class LeaseNeed : std::uint8_t { kNone, kLease };

  // A process that needs a lease has none at first. REQUIRES: `clock` outlives this.
  ContestEnd(std::optional<std::int64_t> closes_at_ms, LeaseNeed need, const base::Clock& clock)
      : closes_at_ms_(closes_at_ms.value_or(INT64_MAX)),
        need_(need),
        clock_(clock),
        lease_until_ns_(need == LeaseNeed::kNone ? INT64_MAX : INT64_MIN) {}

  // Returns whether a judge whose clock shows `wall_ms` may take new entries.
  [[nodiscard]] bool takes_new(std::int64_t wall_ms) const {
    return wall_ms < closes_at_ms_ && has_lease() && phase() == ContestPhase::kOpen;
  }
  // Returns whether no new entry will ever be taken. `wall_ms` as for takes_new(). In a contest on
  // several machines a judge knows this once it has read `closing`.
  [[nodiscard]] bool is_over(std::int64_t wall_ms) const {
    return phase() != ContestPhase::kOpen || (!needs_lease() && wall_ms >= closes_at_ms_);
  }
  // Returns whether a judge may acknowledge a record that is in the log now.
  [[nodiscard]] bool may_acknowledge() const { return has_lease(); }

  [[nodiscard]] bool needs_lease() const { return need_ == LeaseNeed::kLease; }
  [[nodiscard]] ContestPhase phase() const { return phase_.load(std::memory_order_acquire); }
  // Returns how long the lease lasts. Nothing when none is needed.
  [[nodiscard]] std::optional<base::Nanos> lease_left() const {
    if (need_ == LeaseNeed::kNone) return std::nullopt;
    const base::Nanos until(lease_until_ns_.load(std::memory_order_relaxed));
    const base::Nanos now = clock_.boot();
    return until > now ? until - now : base::Nanos(0);
  }

  // For the thread that moves it on. The phase never goes back.
  void set_phase(ContestPhase phase) { phase_.store(phase, std::memory_order_release); }
  // Sets the lease's end, in the time of Clock::boot(). Nanos::min(): there is none.
  void set_lease(base::Nanos until) {
    lease_until_ns_.store(until.count(), std::memory_order_release);
  }

 private:
  [[nodiscard]] bool has_lease() const {
    const std::int64_t until_ns = lease_until_ns_.load(std::memory_order_acquire);
    return until_ns == INT64_MAX || clock_.boot().count() <= until_ns;
  }

  const std::int64_t closes_at_ms_;
  const LeaseNeed need_;
  const base::Clock& clock_;
  std::atomic<std::int64_t> lease_until_ns_;
  std::atomic<ContestPhase> phase_{ContestPhase::kOpen};
};

}  // namespace estadio
