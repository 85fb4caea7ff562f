#include "estadio/verify/recount.h"

#include <algorithm>
#include <fmt/format.h>

#include "estadio/contest/record.h"
#include "estadio/dedup/fold.h"
#include "estadio/dedup/repeat_filter.h"

namespace estadio {
namespace {

constexpr std::int64_t kProgressEvery = 100'000;

}  // namespace

struct Recount::Partition {
  Partition(const Dependencies& deps, PartitionId of)
      : id(of),
        format(deps.contest),
        filter(
            deps.retry, of,
            {.events = deps.events, .format = format, .memory = deps.memory, .clock = deps.clock}),
        fold(deps.contest, of, format, filter) {
    filter.restart(0);
  }

  const PartitionId id;
  const RecordFormat format;
  RepeatFilter filter;
  Fold fold;
  PartitionState state;
  std::unique_ptr<PartitionReader> reader;  // null before the first record
};

Recount::Recount(const Dependencies& deps) : deps_(deps), counts_(deps.contest) {
  for (const PartitionId id : all_partitions(deps.events.partitions())) {
    partitions_.push_back(std::make_unique<Partition>(deps_, id));
  }
}

Recount::~Recount() = default;

base::Result<void> Recount::count_to(std::span<const Score::Position> positions) {
  for (const auto& partition : partitions_) {
    const auto position = std::ranges::find(positions, partition->id, &Score::Position::partition);
    if (position == positions.end()) continue;
    ASSIGN_OR_RETURN(const std::int64_t end, deps_.events.end_offset(partition->id));
    RETURN_IF_ERROR(count_to(*partition, std::min(position->state.next_offset, end)));
  }
  return {};
}

base::Result<void> Recount::count_to(Partition& partition, std::int64_t offset) {
  PartitionState& state = partition.state;
  if (state.next_offset >= offset) return {};
  if (!partition.reader) {
    ASSIGN_OR_RETURN(state.incarnation, deps_.events.incarnation(partition.id));
  }
  // A reader may return records beyond the offset. So begin again where the counting ended.
  ASSIGN_OR_RETURN(partition.reader, deps_.events.read_from(partition.id, state.next_offset));
  std::vector<LoggedRecord> records;
  while (state.next_offset < offset) {
    RETURN_IF_ERROR(partition.reader->read(records, deps_.read_patience));
    if (records.empty()) {
      return base::fail(
          base::Code::kUnavailable,
          fmt::format("{}-{} does not return its record at offset {}",
                      topic_name(partition.id.topic), partition.id.number, state.next_offset));
    }
    const auto wanted = static_cast<std::size_t>(offset - state.next_offset);
    if (records.size() > wanted) records.resize(wanted);
    RETURN_IF_ERROR(partition.fold.add(records));
    partition.filter.forget_old();
    state.chain.add(records);
    state.next_offset += std::ssize(records);
    state.end_mark = partition.fold.end_mark();
    const std::int64_t before = records_;
    records_ += std::ssize(records);
    if (deps_.on_progress && before / kProgressEvery != records_ / kProgressEvery) {
      deps_.on_progress(records_);
    }
  }
  const ScoreCommit counted = partition.fold.take();
  not_counted_ += counted.not_counted;
  for (const ScoreCommit::Delta& delta : counted.deltas) {
    counts_.add(delta.faculty, delta.discipline, partition.id.topic, delta.count);
  }
  return {};
}

Score Recount::score() const {
  Score score;
  score.counts = counts_.nonzero();
  for (const auto& partition : partitions_) {
    if (partition->state.next_offset == 0) continue;
    score.positions.push_back({.partition = partition->id, .state = partition->state});
  }
  score.not_counted = not_counted_;
  return score;
}

}  // namespace estadio
