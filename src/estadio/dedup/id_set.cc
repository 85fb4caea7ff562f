#include "estadio/dedup/id_set.h"

#include <array>
#include <cstdint>
#include <sodium.h>
#include <utility>

#include "base/check.h"

namespace estadio {
namespace {

constexpr std::size_t kFirstSlots = 256;  // a page
constexpr base::Uuid kNil;

using Key = std::array<unsigned char, crypto_shorthash_KEYBYTES>;

const Key& key_of_process() {
  static const Key key = [] {
    Key drawn{};
    CHECK(sodium_init() >= 0);
    crypto_shorthash_keygen(drawn.data());
    return drawn;
  }();
  return key;
}

std::uint64_t hash(const base::Uuid& id) {
  std::uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), id.bytes.data(), id.bytes.size(),
                   key_of_process().data());
  return hash;
}

}  // namespace

base::Uuid& IdSet::find(std::span<base::Uuid> slots, const base::Uuid& id) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = hash(id) & mask;
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
