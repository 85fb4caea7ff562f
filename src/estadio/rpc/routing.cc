#include "estadio/rpc/routing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "estadio/rpc/batch_codec.h"

namespace estadio {

Division divide(DisciplineMask disciplines, std::span<const Carrier> carriers) {
  Division division{.shares = {}, .left = disciplines};
  while (division.left != 0 && !carriers.empty()) {
    const auto worth = [&](const Carrier& carrier) {
      // Fewer bytes are better.
      return std::pair(std::popcount(carrier.judged & division.left),
                       SIZE_MAX - carrier.in_flight_bytes);
    };
    const Carrier& best = *std::ranges::max_element(carriers, {}, worth);
    const DisciplineMask taken = best.judged & division.left;
    if (taken == 0) break;
    division.shares.push_back({.number = best.number, .disciplines = taken});
    division.left &= ~taken;
  }
  return division;
}

std::vector<Portion> portion_out(const EntryBatch& batch, std::span<const Share> shares) {
  // A share for each discipline; the one beyond the last is nobody's.
  std::array<std::size_t, Contest::kDisciplinesMax> share_of{};
  for (std::size_t i = 0; i < share_of.size(); ++i) {
    const DisciplineMask bit = mask_of(static_cast<DisciplineIndex>(i));
    const auto found = std::ranges::find_if(
        shares, [&](const Share& share) { return (share.disciplines & bit) != 0; });
    share_of[i] = static_cast<std::size_t>(found - shares.begin());
  }
  std::vector<Portion> portions;
  static constexpr std::size_t kNone = SIZE_MAX;
  std::vector<std::size_t> filling(shares.size() + 1, kNone);  // each share's portion
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    const std::size_t share = share_of[batch.entries[i].discipline];
    std::size_t& portion = filling[share];
    const bool is_sent = share < shares.size();
    if (portion == kNone || (is_sent && portions[portion].places.size() == kBatchEntriesMax)) {
      portion = portions.size();
      Portion& begun = portions.emplace_back();
      if (is_sent) {
        begun.number = shares[share].number;
        begun.disciplines = shares[share].disciplines;
      }
    }
    portions[portion].places.push_back(static_cast<std::uint32_t>(i));
  }
  return portions;
}

}  // namespace estadio
