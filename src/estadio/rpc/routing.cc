#include "estadio/rpc/routing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "estadio/rpc/batch_codec.h"

namespace estadio {

Division divide(DisciplineMask disciplines, std::span<const StreamState> streams) {
  Division division{.assignments = {}, .unassigned = disciplines};
  while (division.unassigned != 0 && !streams.empty()) {
    const auto worth = [&](const StreamState& stream) {
      // Fewer bytes are better.
      return std::pair(std::popcount(stream.judged & division.unassigned),
                       SIZE_MAX - stream.in_flight_bytes);
    };
    const StreamState& best = *std::ranges::max_element(streams, {}, worth);
    const DisciplineMask taken = best.judged & division.unassigned;
    if (taken == 0) break;
    division.assignments.push_back({.number = best.number, .disciplines = taken});
    division.unassigned &= ~taken;
  }
  return division;
}

std::vector<SubBatch> split_batch(const EntryBatch& batch,
                                  std::span<const Assignment> assignments) {
  // The assignment of each discipline; the one beyond the last means none.
  std::array<std::size_t, Contest::kDisciplinesMax> assignment_of{};
  for (std::size_t i = 0; i < assignment_of.size(); ++i) {
    const DisciplineMask bit = mask_of(static_cast<DisciplineIndex>(i));
    const auto found = std::ranges::find_if(assignments, [&](const Assignment& assignment) {
      return (assignment.disciplines & bit) != 0;
    });
    assignment_of[i] = static_cast<std::size_t>(found - assignments.begin());
  }
  std::vector<SubBatch> sub_batches;
  static constexpr std::size_t kNone = SIZE_MAX;
  std::vector<std::size_t> filling(assignments.size() + 1,
                                   kNone);  // each assignment's latest sub-batch
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const std::size_t assignment = assignment_of[batch.entries[i].discipline];
    std::size_t& sub_batch = filling[assignment];
    const bool is_sent = assignment < assignments.size();
    if (sub_batch == kNone ||
        (is_sent && sub_batches[sub_batch].places.size() == kBatchEntriesMax)) {
      sub_batch = sub_batches.size();
      SubBatch& begun = sub_batches.emplace_back();
      if (is_sent) {
        begun.number = assignments[assignment].number;
        begun.disciplines = assignments[assignment].disciplines;
      }
    }
    sub_batches[sub_batch].places.push_back(static_cast<std::uint32_t>(i));
  }
  return sub_batches;
}

}  // namespace estadio
