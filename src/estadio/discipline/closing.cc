#include "estadio/discipline/closing.h"

#include <algorithm>

namespace estadio {

void Closing::read(const ControlRecord& record, base::Nanos boot) {
  switch (record.kind) {
    case ControlRecord::Kind::kHeartbeat:
      if (record.judge == judge_ && phase_ == ContestPhase::kOpen) take_heartbeat(record);
      return;
    case ControlRecord::Kind::kClosing:
      if (phase_ != ContestPhase::kOpen) return;  // the first one is final
      phase_ = ContestPhase::kClosing;
      closing_read_ = boot;
      closing_offsets_ = record.offsets;
      return;
    case ControlRecord::Kind::kClosed:
      // A `closed` without a `closing` before it is no judge's.
      if (phase_ == ContestPhase::kOpen || phase_ == ContestPhase::kClosed) return;
      phase_ = ContestPhase::kClosed;
      closed_offsets_ = record.offsets;
      return;
  }
}

void Closing::take_heartbeat(const ControlRecord& record) {
  heartbeat_appended_ms_ = std::max(heartbeat_appended_ms_, record.appended_ms);
  while (!sent_.empty() && sent_.front().number <= record.number) {
    if (sent_.front().number == record.number) {
      lease_until_ = std::max(lease_until_, sent_.front().at + kLease);
    }
    sent_.pop_front();
  }
}

Closing::Action Closing::next(const Moment& now) {
  if (phase_ == ContestPhase::kOpen) return next_while_open(now);
  if (phase_ == ContestPhase::kClosing && now.boot - closing_read_ >= kMarkDelay) {
    phase_ = ContestPhase::kMarking;
  }
  return phase_ == ContestPhase::kMarking ? next_while_marking(now.boot) : Action::kNone;
}

Closing::Action Closing::next_while_open(const Moment& now) {
  const bool is_past_end = now.wall_ms >= closes_at_ms_;
  if (is_past_end && heartbeat_appended_ms_ >= closes_at_ms_ &&
      is_due(wrote_closing_, kRetryEvery, now.boot)) {
    return Action::kWriteClosing;
  }
  const auto every = is_past_end ? kLastHeartbeatEvery : kHeartbeatEvery;
  if (!is_due(wrote_heartbeat_, every, now.boot)) return Action::kNone;
  sent_.push_back({.number = ++heartbeat_, .at = now.boot});
  if (sent_.size() > kHeartbeatsMax) sent_.pop_front();
  return Action::kWriteHeartbeat;
}

Closing::Action Closing::next_while_marking(base::Nanos boot) {
  if (!has_written_marks_) {
    return is_due(wrote_marks_, kRetryEvery, boot) ? Action::kWriteMarks : Action::kNone;
  }
  return is_due(wrote_closed_, kRetryEvery, boot) ? Action::kWriteClosed : Action::kNone;
}

bool Closing::is_due(std::optional<base::Nanos>& done, base::Nanos every, base::Nanos now) {
  if (done && now - *done < every) return false;
  done = now;
  return true;
}

}  // namespace estadio
