#include "estadio/tally/fold.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace estadio {

Fold::Fold(const Contest& contest, PartitionId partition, RecentIds::Options recent)
    : partition_(partition),
      format_(contest),
      disciplines_(contest.disciplines().size()),
      recent_(recent),
      counts_(contest.faculties().size() * disciplines_) {}

base::Result<Record> Fold::parse(const LoggedRecord& record) const {
  const auto parsed = format_.parse(record.line);
  if (!parsed || parsed->outcome != partition_.topic) {
    return base::fail(base::Code::kCorruption,
                      fmt::format("{}-{}, offset {}: not a result of this contest: {}",
                                  topic_name(partition_.topic), partition_.number, record.offset,
                                  record.line.substr(0, 200)));
  }
  return *parsed;
}

base::Result<void> Fold::add(std::span<const LoggedRecord> records) {
  for (const LoggedRecord& logged : records) {
    ASSIGN_OR_RETURN(const Record record, parse(logged));
    if (record.is_id_given && recent_.see(record.id, logged.time_ms)) {
      ++repeated_;
      continue;
    }
    ++counts_[record.faculty * disciplines_ + record.discipline];
    ++counted_;
  }
  return {};
}

base::Result<void> Fold::remember(std::span<const LoggedRecord> records,
                                  std::vector<base::Uuid>& ids) {
  ids.clear();
  for (const LoggedRecord& logged : records) {
    ASSIGN_OR_RETURN(const Record record, parse(logged));
    if (!record.is_id_given) continue;
    recent_.see(record.id, logged.time_ms);
    ids.push_back(record.id);
  }
  return {};
}

base::Result<void> Fold::given_ids(std::span<const LoggedRecord> records,
                                   std::vector<base::Uuid>& ids) const {
  ids.clear();
  for (const LoggedRecord& logged : records) {
    ASSIGN_OR_RETURN(const Record record, parse(logged));
    if (record.is_id_given) ids.push_back(record.id);
  }
  return {};
}

ScoreCommit Fold::take() {
  ScoreCommit commit;
  commit.partition = partition_;
  commit.repeated = std::exchange(repeated_, 0);
  counted_ = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    commit.deltas.push_back({.faculty = static_cast<FacultyIndex>(i / disciplines_),
                             .discipline = static_cast<DisciplineIndex>(i % disciplines_),
                             .count = std::exchange(counts_[i], 0)});
  }
  return commit;
}

void Fold::reset() {
  recent_.clear();
  std::ranges::fill(counts_, 0);
  counted_ = repeated_ = 0;
}

}  // namespace estadio
