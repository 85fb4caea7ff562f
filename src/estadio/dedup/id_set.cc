#include "estadio/dedup/id_set.h"

#include <utility>

#include "base/secret_hash.h"

namespace estadio {
namespace {

constexpr std::size_t kFirstSlots = 256;  // a page
constexpr base::Uuid kNil;

}  // namespace

base::Uuid& IdSet::find(std::span<base::Uuid> slots, const base::Uuid& id) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = base::secret_hash(id) & mask;
  while (slots[slot] != kNil && slots[slot] != id) slot = (slot + 1) & mask;
  return slots[slot];
}

bool IdSet::contains(const base::Uuid& id) const {
  if (id == kNil) return has_nil_;
  return used_ > 0 && find(slots(), id) == id;
}

base::Result<bool> IdSet::add(const base::Uuid& id) {
  if (id == kNil) return !std::exchange(has_nil_, true);
  if (used_ >= slots().size() / 4 * 3) RETURN_IF_ERROR(grow());
  base::Uuid& slot = find(slots(), id);
  if (slot == id) return false;
  slot = id;
  ++used_;
  return true;
}

base::Result<void> IdSet::grow() {
  const std::size_t count = slots().empty() ? kFirstSlots : slots().size() * 2;
  ASSIGN_OR_RETURN(IdMemory::Region grown, memory_.allocate(count * sizeof(base::Uuid)));
  const std::span<base::Uuid> to(static_cast<base::Uuid*>(grown.data()), count);
  for (const base::Uuid& id : slots()) {
    if (id != kNil) find(to, id) = id;
  }
  region_ = std::move(grown);
  return {};
}

}  // namespace estadio
