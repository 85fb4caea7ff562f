// How the judges of several machines end a contest together, as a state machine without I/O. The
// order of the control log decides, and no wall clock has to be right:
//
//   1. Each judge writes a heartbeat every kHeartbeatEvery and reads the log up to it. When no
//      `closing` is before the heartbeat, the judge has a lease: kLease from the moment at which it
//      sent the heartbeat. It acknowledges an entry only while it has the lease.
//   2. A judge writes `closing` when its wall clock and the log's time of its last heartbeat are
//      both past the end. The first `closing` is final.
//   3. A judge that has read `closing` waits kMarkDelay. Then it writes an end mark to every
//      partition. Records behind a partition's first mark never count.
//   4. Then it reads where the first marks are and writes their offsets in `closed`. Now the coin's
//      seed may be shown.
//
// So an acknowledged record is always before the marks. Its judge sent a heartbeat that is before
// `closing`, at most kLease before. The writer of a mark read `closing` after that, and waited
// kMarkDelay. This is twice kLease, so it outlasts the lease if the two clocks drift apart by less
// than a third each.
//
// Threads: a Closing belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "estadio/contest/contest_end.h"
#include "estadio/contest/control_log.h"

namespace estadio {

class Closing {
 public:
  static constexpr std::chrono::seconds kHeartbeatEvery{10};
  static constexpr std::chrono::seconds kLease{60};
  static constexpr std::chrono::seconds kMarkDelay{120};
  // While the wall clock is past the end, so that the contest closes soon.
  static constexpr std::chrono::seconds kLastHeartbeatEvery{1};
  // What is not seen in the log after this time is written again.
  static constexpr std::chrono::seconds kRetryEvery{10};
  static constexpr std::size_t kHeartbeatsMax = 64;  // sent and not read back

  struct Moment {
    std::int64_t wall_ms = 0;
    base::Nanos boot{};  // Clock::boot()
  };

  // What the judge has to do now.
  enum class Action : std::uint8_t {
    kNone,
    kWriteHeartbeat,  // number heartbeat()
    kWriteClosing,
    kWriteMarks,  // then call marks_are_written()
    kWriteClosed,
  };

  // `closes_at_ms` is the end in this judge's contest.toml. A judge without one follows the others.
  explicit Closing(const base::Uuid& judge, std::optional<std::int64_t> closes_at_ms)
      : judge_(judge), closes_at_ms_(closes_at_ms.value_or(INT64_MAX)) {}

  // Takes the next record of the log, which was read at `boot`.
  void read(const ControlRecord& record, base::Nanos boot);

  // Returns the next action. The caller does it before it asks again. An action that has no effect
  // in the log comes again. REQUIRES: `now` was read before the action is done.
  [[nodiscard]] Action next(const Moment& now);

  // Every partition has an end mark of this judge.
  void marks_are_written() { has_written_marks_ = true; }

  [[nodiscard]] ContestPhase phase() const { return phase_; }
  [[nodiscard]] std::uint64_t heartbeat() const { return heartbeat_; }
  // Returns the end of the lease, in the time of Clock::boot(). Nanos::min(): there is none.
  [[nodiscard]] base::Nanos lease_until() const {
    return phase_ == ContestPhase::kOpen ? lease_until_ : base::Nanos::min();
  }
  // Returns the offsets of the first `closing`. REQUIRES: the phase is not kOpen.
  [[nodiscard]] const std::vector<std::int64_t>& closing_offsets() const {
    return closing_offsets_;
  }
  // Returns the offsets of the first `closed`. REQUIRES: the phase is kClosed.
  [[nodiscard]] const std::vector<std::int64_t>& closed_offsets() const { return closed_offsets_; }

 private:
  struct Sent {
    std::uint64_t number = 0;
    base::Nanos at{};
  };

  [[nodiscard]] Action next_while_open(const Moment& now);
  [[nodiscard]] Action next_while_marking(base::Nanos boot);
  void take_heartbeat(const ControlRecord& record);
  // Returns whether something that was last done at `done` is due. Notes it as done.
  [[nodiscard]] static bool is_due(std::optional<base::Nanos>& done, base::Nanos every,
                                   base::Nanos now);

  const base::Uuid judge_;
  const std::int64_t closes_at_ms_;

  ContestPhase phase_ = ContestPhase::kOpen;
  std::uint64_t heartbeat_ = 0;  // the last one's number
  std::deque<Sent> sent_;        // heartbeats that were not read back, the oldest first
  base::Nanos lease_until_ = base::Nanos::min();
  std::int64_t heartbeat_appended_ms_ = INT64_MIN;  // of the last one that was read back
  base::Nanos closing_read_{};
  std::vector<std::int64_t> closing_offsets_;
  std::vector<std::int64_t> closed_offsets_;
  bool has_written_marks_ = false;
  // When each was done last.
  std::optional<base::Nanos> wrote_heartbeat_, wrote_closing_, wrote_marks_, wrote_closed_;
};

}  // namespace estadio
