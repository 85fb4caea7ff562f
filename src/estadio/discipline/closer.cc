#include "estadio/discipline/closer.h"

#include <fmt/format.h>
#include <utility>

#include "estadio/discipline/end_marks.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kStepEvery{50};
constexpr std::chrono::seconds kRetryEvery{1};

}  // namespace

Closer::Closer(const Dependencies& deps) : deps_(deps), closing_(deps.judge, deps.closes_at_ms) {}

std::chrono::nanoseconds Closer::step(std::chrono::nanoseconds patience) {
  if (closing_.phase() == ContestPhase::kClosed) return read_accepted();
  read(patience);
  act();
  deps_.end.set_lease(closing_.lease_until());
  if (const ContestPhase phase = closing_.phase(); phase != deps_.end.phase()) {
    deps_.end.set_phase(phase);
    deps_.log.info("the contest's end goes on", {{"phase", to_string(phase)}});
  }
  return kStepEvery;
}

void Closer::read(std::chrono::nanoseconds patience) {
  do {
    const auto read = deps_.control.read(records_, patience);
    note("the topic contest cannot be read", read ? nullptr : &read.error());
    if (!read) return;
    const base::Nanos now = deps_.clock.boot();
    for (const ControlRecord& record : records_) closing_.read(record, now);
    patience = {};
  } while (!records_.empty());
}

void Closer::act() {
  if (marks_->load() == Marks::kWritten) closing_.marks_are_written();
  while (true) {
    // Read before the action: a lease begins before its heartbeat is sent.
    const Closing::Moment now{.wall_ms = deps_.clock.wall_ms(), .boot = deps_.clock.boot()};
    base::Result<void> done;
    switch (closing_.next(now)) {
      case Closing::Action::kNone: return;
      case Closing::Action::kWriteHeartbeat:
        deps_.control.append({.kind = ControlRecord::Kind::kHeartbeat,
                              .judge = deps_.judge,
                              .number = closing_.heartbeat(),
                              .offsets = {}});
        break;
      case Closing::Action::kWriteClosing: done = write_closing(); break;
      case Closing::Action::kWriteMarks: write_marks(); break;
      case Closing::Action::kWriteClosed: done = write_closed(); break;
    }
    if (!done) {
      deps_.log.warning("the contest cannot be closed yet", {{"error", done.error()}});
    }
  }
}

// Marks are written after `closing` is read, so no mark is before these ends.
base::Result<void> Closer::write_closing() {
  ASSIGN_OR_RETURN(auto ends, ends_of(deps_.events));
  deps_.control.append(
      {.kind = ControlRecord::Kind::kClosing, .judge = deps_.judge, .offsets = std::move(ends)});
  return {};
}

void Closer::write_marks() {
  deps_.events.append_end_marks([marks = marks_](const base::Result<void>& result) {
    if (marks->load() != Marks::kWritten) {
      marks->store(result ? Marks::kWritten : Marks::kFailed);
    }
  });
}

// Another judge's marks may be before those of this one.
base::Result<void> Closer::write_closed() {
  ASSIGN_OR_RETURN(auto marks, find_first_marks(deps_.events, closing_.closing_offsets(),
                                                [this] { return is_stopping_.load(); }));
  if (!marks) return base::fail(base::Code::kUnavailable, "a partition does not show its end mark");
  deps_.control.append(
      {.kind = ControlRecord::Kind::kClosed, .judge = deps_.judge, .offsets = *std::move(marks)});
  return {};
}

std::chrono::nanoseconds Closer::read_accepted() {
  if (deps_.accepted.is_ready()) return kRetryEvery;
  const auto read =
      deps_.accepted.read(closing_.closed_offsets(), [this] { return is_stopping_.load(); });
  const bool is_cancelled = !read && read.error().code() == base::Code::kCancelled;
  note("the accepted ids cannot be read", read || is_cancelled ? nullptr : &read.error());
  return kRetryEvery;
}

void Closer::note(const char* what, const base::Error* error) {
  const std::string message = error == nullptr ? "" : error->message();
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(last_error_, message) == message) return;
  }
  if (error != nullptr) deps_.log.warning(what, {{"error", *error}});
}

std::optional<std::string> Closer::unready_reason() const {
  if (deps_.end.phase() != ContestPhase::kOpen) return std::nullopt;
  const auto left = deps_.end.lease_left();
  if (!left || left->count() > 0) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  return fmt::format("no heartbeat came back from the topic contest for {} s{}{}",
                     Closing::kLease.count(), last_error_.empty() ? "" : ": ", last_error_);
}

void write_metrics(base::MetricsWriter& metrics, const ContestEnd& end,
                   const AcceptedIds& accepted) {
  for (const auto phase : {ContestPhase::kOpen, ContestPhase::kClosing, ContestPhase::kMarking,
                           ContestPhase::kClosed}) {
    metrics.gauge("estadio_contest_phase", "1 for the phase of the contest's end, else 0.",
                  end.phase() == phase, {{"phase", std::string(to_string(phase))}});
  }
  if (const auto left = end.lease_left()) {
    metrics.gauge("estadio_judge_lease_seconds",
                  "How much longer this server may acknowledge entries without a heartbeat.",
                  std::chrono::duration<double>(*left).count());
  }
  metrics.gauge("estadio_accepted_ids",
                "Given ids that were read for answers after the contest is closed.",
                accepted.size());
}

}  // namespace estadio
