// Counts of records by faculty, discipline and outcome, with their names in the contest.
//
// Threads: a ContestCounts belongs to one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/contest/score_book.h"

namespace estadio {

class ContestCounts {
 public:
  // REQUIRES: `contest` outlives the counts.
  explicit ContestCounts(const Contest& contest)
      : contest_(contest), counts_(contest.faculties().size() * contest.disciplines().size() * 2) {}

  void add(FacultyIndex faculty, DisciplineIndex discipline, Outcome outcome, std::int64_t count) {
    const std::size_t pair = faculty * contest_.disciplines().size() + discipline;
    counts_[pair * 2 + static_cast<std::size_t>(outcome)] += count;
  }

  // Returns all counts, zeros too.
  [[nodiscard]] std::vector<Score::Count> all() const {
    std::vector<Score::Count> all;
    all.reserve(counts_.size());
    const std::size_t disciplines = contest_.disciplines().size();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      all.push_back({.faculty = contest_.faculties()[i / 2 / disciplines].name,
                     .discipline_id = contest_.disciplines()[i / 2 % disciplines].id,
                     .outcome = i % 2 == 0 ? Outcome::kWinner : Outcome::kLoser,
                     .count = counts_[i]});
    }
    return all;
  }

  // Returns the counts that are not 0.
  [[nodiscard]] std::vector<Score::Count> nonzero() const {
    std::vector<Score::Count> counts = all();
    std::erase_if(counts, [](const Score::Count& each) { return each.count == 0; });
    return counts;
  }

 private:
  const Contest& contest_;
  std::vector<std::int64_t> counts_;  // by faculty, then discipline, then outcome
};

}  // namespace estadio
