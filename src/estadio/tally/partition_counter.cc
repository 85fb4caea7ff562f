#include "estadio/tally/partition_counter.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};

// Turns kCorruption into kFailedPrecondition, which may pass: a damaged score can be deleted and
// counted again at any time.
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
  ASSIGN_OR_RETURN(const std::int64_t start, books_position());
  ASSIGN_OR_RETURN(auto reader, deps_.events.read_from(partition_, start));
  fold_.reset();
  filter_.restart(start);
  position_ = start;
  has_started_ = true;
  return reader;
}

base::Result<std::int64_t> PartitionCounter::books_position() {
  ASSIGN_OR_RETURN(const Score score, read_score());
  ASSIGN_OR_RETURN(incarnation_, deps_.events.incarnation(partition_));
  ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
  const Score::Position* position = score.find(partition_);
  if (position != nullptr && position->incarnation != incarnation_) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format(
            "{}-{} is a new partition, and {} results of the old one are counted: its topic was "
            "deleted and made again. Count it into a new score, or restore the old topic",
            topic_name(partition_.topic), partition_.number, position->next_offset));
  }
  const std::int64_t start = score.position(partition_);
  if (start > end) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format(
            "the score counts {} records of {}-{} and the log holds {}: the log has lost its end",
            start, topic_name(partition_.topic), partition_.number, end));
  }
  return start;
}

base::Result<Score> PartitionCounter::read_score() const {
  ASSIGN_OR_RETURN(Score score, to_be_mended(deps_.scores.read()));
  std::int64_t read = 0;
  for (const Score::Position& each : score.positions) read += each.next_offset;
  if (read == score.records()) return score;
  return base::fail(base::Code::kFailedPrecondition,
                    fmt::format("the score does not add up: its positions cover {} records, but {} "
                                "are counted or left out. Another program wrote to the score: "
                                "delete all of it, and the tally counts it again from the log",
                                read, score.records()));
}

base::Result<void> PartitionCounter::gather(PartitionReader& reader, const std::stop_token& stop) {
  // A commit covers many records when many come.
  const base::Nanos started = deps_.clock.mono();
  do {
    const bool waits = fold_.pending() == 0 && !stop.stop_requested();
    RETURN_IF_ERROR(reader.read(
        records_, waits ? std::chrono::nanoseconds(kReadPatience) : std::chrono::nanoseconds(0)));
    RETURN_IF_ERROR(fold_.add(records_));
  } while (!records_.empty() && deps_.clock.mono() - started < options_.commit_every);
  return {};
}

base::Result<bool> PartitionCounter::commit(std::int64_t next) {
  // The incarnation may be nil before the partition's first record.
  if (incarnation_ == base::Uuid()) {
    ASSIGN_OR_RETURN(incarnation_, deps_.events.incarnation(partition_));
  }
  ScoreCommit commit = fold_.take();
  commit.incarnation = incarnation_;
  commit.first_offset = position_;
  commit.next_offset = next;
  ASSIGN_OR_RETURN(const CommitOutcome outcome, to_be_mended(deps_.scores.commit(commit)));
  if (!outcome.is_applied) {
    ++stale_commits_;
    return false;
  }
  ++commits_;
  std::int64_t counted = 0;
  for (const ScoreCommit::Delta& delta : commit.deltas) counted += delta.count;
  counted_ += static_cast<std::uint64_t>(counted);
  repeated_ += static_cast<std::uint64_t>(commit.repeated);
  not_in_time_ += static_cast<std::uint64_t>(commit.not_in_time);
  position_ = next;
  filter_.forget_old();
  return true;
}

base::Result<bool> PartitionCounter::is_at_books_position() const {
  ASSIGN_OR_RETURN(const Score score, read_score());
  return score.position(partition_) == position_;
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
}

}  // namespace estadio
