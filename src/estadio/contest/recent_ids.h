// The ids that a partition has seen lately: how the tally tells a retry from a new entry.
//
// The rule, a function of the log alone: a record is a repeat when the same id stands in one of
// the `capacity` records before it that carry a client's id, at most `retention` earlier in the
// log's time. So a reader that starts anywhere and first reads back that far decides as the one
// before it did.
//
//   ring_   oldest | id | id | id | ... | newest      (every occurrence, in the log's order)
//   table_  id -> its newest place in ring_           (open addressing, half full at most)
//
// Memory: 24 to 48 bytes an id, taken as ids come. Clients choose ids, so places in the table come
// from a hash under a key of the process that nobody can aim at.
//
// Threads: none; belongs to its reader.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/uuid.h"

namespace estadio {

class RecentIds {
 public:
  struct Options {
    std::size_t capacity = 1'000'000;         // ids, less than 2^30
    std::int64_t retention_ms = 12 * 60'000;  // in the log's time
  };

  // Those of each partition when `ids` are remembered in all of the `partitions`, which counting
  // and proving must share alike.
  [[nodiscard]] static Options share(std::size_t ids, std::size_t partitions,
                                     std::int64_t retention_ms) {
    return {.capacity = std::max(kCapacityMin, ids / partitions), .retention_ms = retention_ms};
  }

  explicit RecentIds(Options options);

  // Takes the next record's id; `time_ms` is the record's time in the log. True when it repeats.
  bool see(const base::Uuid& id, std::int64_t time_ms);

  // Whether see() would say true, changing nothing.
  [[nodiscard]] bool holds(const base::Uuid& id, std::int64_t time_ms) const;

  // How far back ids were certainly kept, in ms before `now_ms`, counted when three quarters of
  // the capacity are in use as if these were all: the last quarter is for entries on their way
  // while the shorter window is made known. At most `most_ms`.
  [[nodiscard]] std::int64_t window_ms(std::int64_t now_ms, std::int64_t most_ms) const;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  void clear();

 private:
  // The ids from `from` on came at `time_ms` or later.
  struct Mark {
    std::uint64_t from;
    std::int64_t time_ms;
  };
  static constexpr std::size_t kCapacityMin = 1024;
  // Times are kept to the second below, so that the rule does not depend on where reading began.
  static constexpr std::int64_t kMarkMs = 1000;
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint64_t kPlaceMask = 0x7FFF'FFFF;

  [[nodiscard]] static std::uint32_t code_of(std::uint64_t place) {
    return static_cast<std::uint32_t>(place & kPlaceMask) + 1;
  }

  [[nodiscard]] base::Uuid& at(std::uint64_t place) { return ring_[place & (ring_.size() - 1)]; }
  [[nodiscard]] const base::Uuid& at(std::uint64_t place) const {
    return ring_[place & (ring_.size() - 1)];
  }
  [[nodiscard]] std::int64_t time_of(std::uint64_t place) const;
  [[nodiscard]] std::size_t home(const base::Uuid& id) const;
  // The table's slot that holds the id, or the free one where it would go.
  [[nodiscard]] std::size_t find(const base::Uuid& id) const;
  [[nodiscard]] std::uint64_t place_in(std::size_t slot) const;
  void evict_oldest();
  void erase_slot(std::size_t slot);
  void grow();

  const Options options_;
  std::vector<base::Uuid> ring_;      // a power of two, grown by doubling
  std::vector<std::uint32_t> table_;  // code_of(place), or kEmpty
  std::uint64_t first_ = 0;           // place of the oldest id
  std::uint64_t next_ = 0;            // place of the next one
  std::deque<Mark> marks_;
};

}  // namespace estadio
