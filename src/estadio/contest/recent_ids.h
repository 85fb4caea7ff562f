// The recent given ids that a process logged itself or read from the log, with the content of their
// entries, for KnownIds.
//
// An id is held when one of the last `capacity` ids that were seen is the same, and was seen at
// most `retention_ms` earlier. The earlier time is rounded down to the second.
//
//   ring_   oldest | id | id | id | ... | newest      (every occurrence, in the order seen)
//   table_  id -> its newest place in ring_           (open addressing, half full at most)
//
// Memory: 32 to 64 bytes per id, allocated as ids come. Clients choose ids, so the table uses
// base::secret_hash(). Clients then cannot cause collisions.
//
// Threads: a RecentIds is guarded by its owner's mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/entry_content.h"

namespace estadio {

class RecentIds {
 public:
  struct Options {
    std::size_t capacity = 1'000'000;  // ids, less than 2^30
    std::int64_t retention_ms = 12 * 60'000;
  };

  explicit RecentIds(Options options);

  // Adds an id that was seen at `time_ms`. Returns true when it was held.
  bool see(const base::Uuid& id, const EntryContent& content, std::int64_t time_ms);

  // Returns the content that see() was given last with the id. Returns null when see() would return
  // false. It is valid until the next call of see() or clear().
  [[nodiscard]] const EntryContent* find(const base::Uuid& id, std::int64_t time_ms) const;

  void clear();
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }

 private:
  struct Seen {
    base::Uuid id;
    EntryContent content;
  };
  // The ids from place `from` on were seen at `time_ms` or later.
  struct Mark {
    std::uint64_t from;
    std::int64_t time_ms;
  };
  // Times are rounded down to the second, so that few marks are needed.
  static constexpr std::int64_t kMarkMs = 1000;
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint64_t kPlaceMask = 0x7FFF'FFFF;

  [[nodiscard]] static std::uint32_t code_of(std::uint64_t place) {
    return static_cast<std::uint32_t>(place & kPlaceMask) + 1;
  }

  [[nodiscard]] Seen& at(std::uint64_t place) { return ring_[place & (ring_.size() - 1)]; }
  [[nodiscard]] const Seen& at(std::uint64_t place) const {
    return ring_[place & (ring_.size() - 1)];
  }
  [[nodiscard]] std::int64_t time_of(std::uint64_t place) const;
  [[nodiscard]] std::size_t home(const base::Uuid& id) const;
  // Returns the table's slot that holds the id, or the free slot for it.
  [[nodiscard]] std::size_t slot_of(const base::Uuid& id) const;
  [[nodiscard]] std::uint64_t place_in(std::size_t slot) const;
  void evict_oldest();
  void erase_slot(std::size_t slot);
  void grow();

  const Options options_;
  std::vector<Seen> ring_;            // a power of two, grown by doubling
  std::vector<std::uint32_t> table_;  // code_of(place), or kEmpty
  std::uint64_t first_ = 0;           // place of the oldest id
  std::uint64_t next_ = 0;            // place of the next one
  std::deque<Mark> marks_;
};

}  // namespace estadio
