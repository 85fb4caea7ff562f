// A set of ids, 16 bytes each, at most three quarters full (open addressing, linear probing).
//
// Clients choose ids, so the set uses base::secret_hash(). Clients then cannot cause collisions.
//
// Threads: an IdSet belongs to one thread.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/dedup/id_memory.h"

namespace estadio {

class IdSet {
 public:
  // REQUIRES: `memory` outlives the set.
  explicit IdSet(IdMemory& memory) : memory_(memory) {}

  // Adds the id. Returns false when the set has it already.
  // Errors: those of IdMemory::allocate(). After an error the set is as before.
  [[nodiscard]] base::Result<bool> add(const base::Uuid& id);
  [[nodiscard]] bool contains(const base::Uuid& id) const;
  [[nodiscard]] std::size_t size() const { return used_ + (has_nil_ ? 1 : 0); }

 private:
  // The nil id marks a free slot. So has_nil_ says whether the set has the nil id itself.
  [[nodiscard]] std::span<base::Uuid> slots() const {
    return {static_cast<base::Uuid*>(region_.data()), region_.bytes() / sizeof(base::Uuid)};
  }
  // Returns the slot that holds the id, or the free slot for it.
  [[nodiscard]] static base::Uuid& find(std::span<base::Uuid> slots, const base::Uuid& id);
  [[nodiscard]] base::Result<void> grow();

  IdMemory& memory_;
  IdMemory::Region region_;
  std::size_t used_ = 0;  // slots that hold an id
  bool has_nil_ = false;
};

}  // namespace estadio
