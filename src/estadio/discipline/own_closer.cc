#include "estadio/discipline/own_closer.h"

#include <utility>
#include <vector>

#include "estadio/discipline/end_marks.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kStepEvery{20};
constexpr std::chrono::seconds kRetryEvery{1};

}  // namespace

OwnCloser::OwnCloser(const Dependencies& deps, LogState state) : deps_(deps) {
  if (state == LogState::kEnded) deps_.end.set_phase(ContestPhase::kClosed);
}

std::chrono::nanoseconds OwnCloser::step() {
  switch (deps_.end.phase()) {
    case ContestPhase::kOpen:
      if (!deps_.closes_at_ms || deps_.clock.wall_ms() < *deps_.closes_at_ms) return kStepEvery;
      deps_.end.set_phase(ContestPhase::kMarking);
      [[fallthrough]];
    case ContestPhase::kClosing:
    case ContestPhase::kMarking: end_log(); return kStepEvery;
    case ContestPhase::kClosed: return read_accepted();
  }
  return kStepEvery;
}

void OwnCloser::end_log() {
  const Marks marks = marks_->load();
  if (marks == Marks::kPending) return;
  if (marks == Marks::kWritten) {
    deps_.end.set_phase(ContestPhase::kClosed);
    deps_.log.info("the contest is closed", {});
    return;
  }
  const base::Nanos now = deps_.clock.mono();
  if (marks == Marks::kFailed && now - failed_at_ < kRetryEvery) return;
  failed_at_ = now;
  marks_->store(Marks::kPending);
  // The answer may come after this is gone.
  deps_.events.append_end_marks([&log = deps_.log, marks = marks_](const auto& result) {
    if (!result) log.warning("the contest cannot be closed yet", {{"error", result.error()}});
    marks->store(result ? Marks::kWritten : Marks::kFailed);
  });
}

std::chrono::nanoseconds OwnCloser::read_accepted() {
  if (deps_.accepted.is_ready()) return kRetryEvery;
  const auto read_all = [this]() -> base::Result<void> {
    ASSIGN_OR_RETURN(std::vector<std::int64_t> marks, ends_of(deps_.events));
    for (std::int64_t& mark : marks) --mark;  // the mark is the last record
    return deps_.accepted.read(marks, [this] { return is_stopping_.load(); });
  };
  const auto read = read_all();
  const std::string error =
      read || read.error().code() == base::Code::kCancelled ? "" : read.error().message();
  if (std::exchange(last_error_, error) != error && !error.empty()) {
    deps_.log.warning("the accepted ids cannot be read", {{"error", read.error()}});
  }
  return kRetryEvery;
}

}  // namespace estadio
