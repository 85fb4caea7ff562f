// The clients' ids of a partition's records, by minutes. Each id has one minute, or several when
// its version is not 7:
//
//   version 7   the minute of the id's own time
//   another     the minute of each record that has it
//
// A minute is dropped as a whole, once no further record can have an id of it.
//
// Threads: a SeenIds belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/id_set.h"

namespace estadio {

// Minutes since 1970, rounded down.
using Minute = std::int64_t;
inline constexpr std::int64_t kMinuteMs = 60'000;

[[nodiscard]] constexpr Minute minute_of(std::int64_t time_ms) {
  return (time_ms - ((time_ms % kMinuteMs) + kMinuteMs) % kMinuteMs) / kMinuteMs;
}

class SeenIds {
 public:
  // REQUIRES: `memory` outlives this.
  explicit SeenIds(IdMemory& memory) : memory_(memory) {}

  // Adds the id to the minute. Returns false when the minute has it already.
  // Errors: those of IdMemory::allocate().
  [[nodiscard]] base::Result<bool> add(Minute minute, const base::Uuid& id);

  // Returns whether one of the minutes first to last has the id.
  [[nodiscard]] bool contains(Minute first, Minute last, const base::Uuid& id) const;

  void forget_before(Minute first);
  void clear() { forget_before(INT64_MAX); }

  [[nodiscard]] std::size_t size() const;

 private:
  IdMemory& memory_;
  std::map<Minute, IdSet> minutes_;
  // The minute of the last add(). Most ids are of the same one.
  Minute last_minute_ = 0;
  IdSet* last_ = nullptr;
};

}  // namespace estadio
