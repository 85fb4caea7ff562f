#include "estadio/discipline/accepted_ids.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "estadio/contest/log_range.h"

namespace estadio {
namespace {

constexpr std::chrono::seconds kShowEvery{5};

}  // namespace

AcceptedIds::AcceptedIds(const Dependencies& deps, std::size_t run_ids)
    : deps_(deps),
      format_(deps.contest),
      run_ids_(run_ids),
      runs_(static_cast<std::size_t>(deps.events.partitions()) * 2) {}

base::Result<void> AcceptedIds::read(const std::vector<std::int64_t>& marks,
                                     const std::function<bool()>& is_cancelled) {
  if (is_ready()) return {};
  shown_ = deps_.clock.mono();
  for (; next_partition_ < runs_.size(); ++next_partition_) {
    gathered_.clear();
    runs_[next_partition_].clear();
    RETURN_IF_ERROR(read_partition(next_partition_, marks[next_partition_], is_cancelled));
  }
  gathered_ = {};
  is_ready_.store(true, std::memory_order_release);
  deps_.log.info("the accepted ids are read", {{"ids", size()}, {"records", records_}});
  return {};
}

base::Result<void> AcceptedIds::read_partition(std::size_t index, std::int64_t mark,
                                               const std::function<bool()>& is_cancelled) {
  const PartitionId partition = all_partitions(deps_.events.partitions())[index];
  const auto take = [&](std::span<const LoggedRecord> records) -> base::Result<ReadOn> {
    for (const LoggedRecord& logged : records) {
      gather(logged);
      if (gathered_.size() == run_ids_) RETURN_IF_ERROR(add_run(index));
    }
    show_progress(std::ssize(records));
    return ReadOn::kGoOn;
  };
  RETURN_IF_ERROR(read_range(deps_.events, {.partition = partition, .from = 0, .until = mark},
                             is_cancelled, take));
  return gathered_.empty() ? base::Result<void>() : add_run(index);
}

// A record that does not count, because its id is not in time, was never acknowledged.
void AcceptedIds::gather(const LoggedRecord& logged) {
  const auto record = format_.parse(logged.line);
  if (!record || !record->is_id_given) return;
  const auto time_ms = record->id.time_ms();
  if (time_ms && !deps_.retry.in_log(logged.time_ms).contains(*time_ms)) return;
  const auto content = format_.parse_content(logged.line);
  if (content) gathered_.push_back({.id = record->id, .content = *content});
}

base::Result<void> AcceptedIds::add_run(std::size_t index) {
  const auto by_id = [](const Accepted& each) -> const auto& { return each.id.bytes; };
  std::ranges::stable_sort(gathered_, {}, by_id);
  const auto repeats = std::ranges::unique(gathered_, {}, by_id);
  gathered_.erase(repeats.begin(), repeats.end());
  Run run;
  ASSIGN_OR_RETURN(run.region, deps_.memory.allocate(gathered_.size() * sizeof(Accepted)));
  run.count = gathered_.size();
  std::uninitialized_copy(gathered_.begin(), gathered_.end(),
                          static_cast<Accepted*>(run.region.data()));
  size_.fetch_add(run.count, std::memory_order_relaxed);
  runs_[index].push_back(std::move(run));
  gathered_.clear();
  return {};
}

void AcceptedIds::show_progress(std::int64_t records) {
  records_ += records;
  const base::Nanos now = deps_.clock.mono();
  if (now - shown_ < kShowEvery) return;
  shown_ = now;
  deps_.log.info("reading the accepted ids", {{"records", records_}, {"ids", size()}});
}

std::optional<EntryContent> AcceptedIds::find(PartitionId partition, const base::Uuid& id) const {
  for (const Run& run : runs_[index_of(partition, deps_.events.partitions())]) {
    const auto ids = run.ids();
    const auto found = std::ranges::lower_bound(
        ids, id.bytes, {}, [](const Accepted& each) -> const auto& { return each.id.bytes; });
    if (found != ids.end() && found->id == id) return found->content;
  }
  return std::nullopt;
}

}  // namespace estadio
