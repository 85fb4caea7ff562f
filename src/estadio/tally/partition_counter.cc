#include "estadio/tally/partition_counter.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kReadPatience{1000};
constexpr int kReadAttemptsMax = 5;

// Turns kCorruption into kFailedPrecondition, which may pass: a damaged score can be deleted and
// counted again at any time.
template <class T>
base::Result<T> to_be_mended(base::Result<T> outcome) {
  if (outcome || outcome.error().code() != base::Code::kCorruption) return outcome;
  return base::fail(base::Code::kFailedPrecondition, outcome.error().message());
}

}  // namespace

PartitionCounter::PartitionCounter(const Tally::Options& options, const Tally::Dependencies& deps,
                                   PartitionId partition, std::size_t number)
    : options_(options),
      deps_(deps),
      partition_(partition),
      number_(number),
      fold_(deps.contest, partition,
            RecentIds::share(options.retry_ids,
                             static_cast<std::size_t>(deps.events.partitions()) * 2,
                             deps.window.retention_ms())) {}

base::Result<std::unique_ptr<PartitionReader>> PartitionCounter::start() {
  ASSIGN_OR_RETURN(const std::int64_t start, books_position());
  fold_.reset();
  ASSIGN_OR_RETURN(auto reader, deps_.events.read_from(partition_, start));
  RETURN_IF_ERROR(read_back(*reader, start));
  RETURN_IF_ERROR(reader->seek(start));
  position_ = start;
  publish_window();
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
  if (read == score.total() + score.repeated) return score;
  return base::fail(base::Code::kFailedPrecondition,
                    fmt::format("the score does not add up: its positions cover {} records, but {} "
                                "are counted or repeated. Another program wrote to the score: "
                                "delete all of it, and the tally counts it again from the log",
                                read, score.total() + score.repeated));
}

base::Result<void> PartitionCounter::read_back(PartitionReader& reader, std::int64_t start) {
  // The time of the first record to count decides how far back ids matter. Without such a record
  // it is the present time.
  std::int64_t from_ms = deps_.clock.wall_ms();
  ASSIGN_OR_RETURN(const auto end, deps_.events.end_offset(partition_));
  if (start < end) {
    RETURN_IF_ERROR(read_until_records(reader));
    from_ms = std::min(from_ms, records_.front().time_ms);
  }
  ASSIGN_OR_RETURN(const auto back, deps_.events.offset_before(
                                        partition_, from_ms - deps_.window.retention_ms() - 1000));
  RETURN_IF_ERROR(reader.seek(std::min(back, start)));
  while (reader.position() < start) {
    RETURN_IF_ERROR(read_until_records(reader));
    const auto counted = std::ranges::find_if(
        records_, [&](const LoggedRecord& each) { return each.offset >= start; });
    RETURN_IF_ERROR(fold_.remember({records_.begin(), counted}, remembered_));
    if (deps_.known != nullptr && !remembered_.empty()) {
      deps_.known->add(remembered_, records_.front().time_ms);
    }
  }
  // The judge must also know the ids of records that are not counted yet.
  while (deps_.known != nullptr && reader.position() < end) {
    RETURN_IF_ERROR(read_until_records(reader));
    RETURN_IF_ERROR(fold_.given_ids(records_, remembered_));
    deps_.known->add(remembered_, records_.front().time_ms);
  }
  return {};
}

base::Result<void> PartitionCounter::read_until_records(PartitionReader& reader) {
  for (int i = 0; i < kReadAttemptsMax; ++i) {
    RETURN_IF_ERROR(reader.read(records_, kReadPatience));
    if (!records_.empty()) return {};
  }
  return base::fail(base::Code::kUnavailable, "the log does not return its records");
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
  position_ = next;
  return true;
}

base::Result<bool> PartitionCounter::is_at_books_position() const {
  ASSIGN_OR_RETURN(const Score score, read_score());
  return score.position(partition_) == position_;
}

void PartitionCounter::publish_window() {
  window_ms_ = fold_.recent().window_ms(deps_.clock.wall_ms(), deps_.window.configured_ms());
  deps_.window.set(number_, window_ms_);
}

Tally::PartitionStatus PartitionCounter::status() const {
  const std::int64_t window_ms = window_ms_;
  return {.partition = partition_,
          .position = position_,
          .window_ms = window_ms < 0 ? std::nullopt : std::optional(window_ms)};
}

void PartitionCounter::add_to(Tally::Stats& stats) const {
  stats.counted += counted_;
  stats.repeated += repeated_;
  stats.commits += commits_;
  stats.stale_commits += stale_commits_;
}

}  // namespace estadio
