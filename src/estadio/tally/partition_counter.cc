#include "estadio/tally/partition_counter.h"

#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/uuid.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};
// A check before a commit fetches and unpacks a whole batch of a producer. A reader that is behind
// has records at any time. It gathers this many times as long, and so checks less often.
constexpr int kCommitsOfACheck = 10;

// Turns kCorruption into kFailedPrecondition, which may pass: at any time a damaged score can be
// repaired (`estadio repair --apply`), or be deleted and counted again.
template <class T>
base::Result<T> to_be_mended(base::Result<T> outcome) {
  if (outcome || outcome.error().code() != base::Code::kCorruption) return outcome;
  return base::fail(base::Code::kFailedPrecondition, outcome.error().message());
}

}  // namespace

PartitionCounter::PartitionCounter(const Tally::Options& options, const Tally::Dependencies& deps,
                                   PartitionId partition, std::function<bool()> is_cancelled)
    : options_(options),
      deps_(deps),
      partition_(partition),
      format_(deps.contest),
      filter_(
          deps.retry, partition,
          {.events = deps.events, .format = format_, .memory = deps.memory, .clock = deps.clock}),
      fold_(deps.contest, partition, format_, filter_) {
  filter_.set_cancellation(std::move(is_cancelled));
}

base::Result<std::unique_ptr<PartitionReader>> PartitionCounter::start() {
  ASSIGN_OR_RETURN(const PartitionState state, books_state());
  RETURN_IF_ERROR(check_last_record(state));
  ASSIGN_OR_RETURN(auto reader, deps_.events.read_from(partition_, state.next_offset));
  fold_.reset(state.end_mark);
  filter_.restart(state.next_offset);
  state_ = state;
  chain_ = state.chain;
  position_ = state.next_offset;
  has_started_ = true;
  has_log_gone_back_ = false;
  return reader;
}

base::Failure PartitionCounter::log_went_back(std::string what) {
  has_log_gone_back_ = true;
  return base::fail(
      base::Code::kCorruption,
      fmt::format("{}. `estadio repair --apply` replaces the score by the log's", what));
}

base::Result<PartitionState> PartitionCounter::books_state() {
  ASSIGN_OR_RETURN(const Score score, read_score());
  ASSIGN_OR_RETURN(const base::Uuid incarnation, deps_.events.incarnation(partition_));
  ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
  const PartitionState* state = score.find(partition_);
  if (state == nullptr) return PartitionState{.incarnation = incarnation, .chain = {}};
  if (state->incarnation != incarnation) {
    return log_went_back(fmt::format(
        "{}-{} is a new partition, and {} results of the old one are counted: its topic "
        "was deleted and made again. Restore the old topic, or count the new one",
        topic_name(partition_.topic), partition_.number, state->next_offset));
  }
  if (state->next_offset > end) {
    return log_went_back(fmt::format(
        "the score counts {} records of {}-{} and the log holds {}: the log has lost its end",
        state->next_offset, topic_name(partition_.topic), partition_.number, end));
  }
  return *state;
}

base::Result<void> PartitionCounter::check_last_record(const PartitionState& state) {
  if (state.next_offset == 0) return {};
  const std::int64_t offset = state.next_offset - 1;
  const auto record = deps_.events.read_again(partition_, offset);
  if (!record) {
    if (record.error().code() != base::Code::kCorruption) return base::fail(record.error());
    return log_went_back(record.error().message());
  }
  if (state.chain.ends_with(record->logged())) return {};
  return log_went_back(fmt::format(
      "{}-{}: at offset {} the log holds another record than the score counted: the log "
      "lost its end and grew again, or is an older copy",
      topic_name(partition_.topic), partition_.number, offset));
}

base::Result<Score> PartitionCounter::read_score() const {
  ASSIGN_OR_RETURN(Score score, to_be_mended(deps_.scores.read()));
  std::int64_t read = 0;
  for (const Score::Position& each : score.positions) read += each.state.next_offset;
  if (read == score.records()) return score;
  return base::fail(base::Code::kFailedPrecondition,
                    fmt::format("the score does not add up: its positions cover {} records, but {} "
                                "are counted or left out. Another program wrote to the score: "
                                "`estadio repair --apply` replaces it by the log's",
                                read, score.records()));
}

base::Result<void> PartitionCounter::gather(PartitionReader& reader, const std::stop_token& stop) {
  // A commit covers many records when many come.
  const base::Nanos started = deps_.clock.mono();
  const base::Nanos longest = deps_.events.can_lose_records()
                                  ? options_.commit_every * kCommitsOfACheck
                                  : options_.commit_every;
  do {
    const bool waits = fold_.pending() == 0 && !stop.stop_requested();
    RETURN_IF_ERROR(reader.read(
        records_, waits ? std::chrono::nanoseconds(kReadPatience) : std::chrono::nanoseconds(0)));
    RETURN_IF_ERROR(fold_.add(records_));
    chain_.add(records_);
  } while (!records_.empty() && deps_.clock.mono() - started < longest);
  return {};
}

base::Result<bool> PartitionCounter::commit(std::int64_t next) {
  // The incarnation may be nil before the partition's first record.
  PartitionState before = state_;
  if (before.incarnation == base::Uuid()) {
    ASSIGN_OR_RETURN(before.incarnation, deps_.events.incarnation(partition_));
  }
  // Check after reading: so the new records come from a log that still has the last counted one.
  if (deps_.events.can_lose_records()) {
    if (auto checked = check_last_record(before); !checked) {
      // A repaired score counts other records than this counter.
      ASSIGN_OR_RETURN(const bool is_here, has_books_state());
      if (is_here) return base::fail(std::move(checked).error());
      ++stale_commits_;
      return false;
    }
  }
  ScoreCommit commit = fold_.take();
  commit.before = before;
  commit.after = {.incarnation = before.incarnation,
                  .next_offset = next,
                  .chain = chain_,
                  .end_mark = fold_.end_mark()};
  ASSIGN_OR_RETURN(const CommitOutcome outcome, to_be_mended(deps_.scores.commit(commit)));
  if (!outcome.is_applied) {
    ++stale_commits_;
    return false;
  }
  ++commits_;
  std::int64_t counted = 0;
  for (const ScoreCommit::Delta& delta : commit.deltas) counted += delta.count;
  counted_ += static_cast<std::uint64_t>(counted);
  repeated_ += static_cast<std::uint64_t>(commit.not_counted.repeated);
  not_in_time_ += static_cast<std::uint64_t>(commit.not_counted.not_in_time);
  state_ = commit.after;
  position_ = next;
  filter_.forget_old();
  return true;
}

base::Result<bool> PartitionCounter::has_books_state() const {
  ASSIGN_OR_RETURN(const Score score, read_score());
  const PartitionState* state = score.find(partition_);
  return state == nullptr ? state_.next_offset == 0 : *state == state_;
}

base::Result<bool> PartitionCounter::is_at_books_position() {
  ASSIGN_OR_RETURN(const bool is_here, has_books_state());
  if (is_here && deps_.events.can_lose_records()) RETURN_IF_ERROR(check_last_record(state_));
  return is_here;
}

Tally::PartitionStatus PartitionCounter::status() const {
  Tally::PartitionStatus status{.partition = partition_, .position = std::nullopt};
  if (has_started_) status.position = position_;
  return status;
}

void PartitionCounter::add_to(Tally::Stats& stats) const {
  stats.counted += counted_;
  stats.repeated += repeated_;
  stats.not_in_time += not_in_time_;
  stats.commits += commits_;
  stats.stale_commits += stale_commits_;
  stats.has_log_gone_back |= has_log_gone_back_;
}

}  // namespace estadio
