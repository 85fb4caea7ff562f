#include "estadio/dedup/fold.h"

#include <algorithm>
#include <utility>

namespace estadio {

Fold::Fold(const Contest& contest, PartitionId partition, const RecordFormat& format,
           RepeatFilter& filter)
    : partition_(partition),
      format_(format),
      filter_(filter),
      disciplines_(contest.disciplines().size()),
      counts_(contest.faculties().size() * disciplines_) {}

base::Result<void> Fold::add(std::span<const LoggedRecord> records) {
  for (const LoggedRecord& logged : records) {
    if (!end_mark_ && RecordFormat::is_end_mark(logged.line)) end_mark_ = logged.offset;
    if (end_mark_) {
      ++not_counted_.after_end;
      ++pending_;
      continue;
    }
    ASSIGN_OR_RETURN(const Record record, format_.parse_logged(partition_, logged));
    ASSIGN_OR_RETURN(const RepeatFilter::Decision decision, filter_.decide(record, logged));
    switch (decision) {
      case RepeatFilter::Decision::kCounts:
        ++counts_[record.faculty * disciplines_ + record.discipline];
        break;
      case RepeatFilter::Decision::kRepeat: ++not_counted_.repeated; break;
      case RepeatFilter::Decision::kNotInTime: ++not_counted_.not_in_time; break;
    }
    ++pending_;
  }
  return {};
}

ScoreCommit Fold::take() {
  ScoreCommit commit;
  commit.partition = partition_;
  commit.not_counted = std::exchange(not_counted_, {});
  pending_ = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    commit.deltas.push_back({.faculty = static_cast<FacultyIndex>(i / disciplines_),
                             .discipline = static_cast<DisciplineIndex>(i % disciplines_),
                             .count = std::exchange(counts_[i], 0)});
  }
  return commit;
}

void Fold::reset(std::optional<std::int64_t> end_mark) {
  std::ranges::fill(counts_, 0);
  pending_ = 0;
  not_counted_ = {};
  end_mark_ = end_mark;
}

}  // namespace estadio
