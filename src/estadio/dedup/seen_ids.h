// The given ids of a partition's records, by minutes. The version of an id decides its minutes:
//
//   version 7         the minute of the id's own time
//   another version   the minute of each record that has the id
//
// Ids are forgotten by whole minutes.
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

  // Forgets the ids of all minutes before `first`.
  void forget_before(Minute first);
  void clear() { forget_before(INT64_MAX); }

  // Returns how many ids are held. An id counts once for each of its minutes.
  [[nodiscard]] std::size_t size() const;

 private:
  IdMemory& memory_;
  std::map<Minute, IdSet> minutes_;
  // The minute of the last add() and its set. Most ids are of the same minute as the id before.
  Minute last_minute_ = 0;
  IdSet* last_ = nullptr;
};

}  // namespace estadio
