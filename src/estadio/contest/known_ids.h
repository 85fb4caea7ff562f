// The client-given ids that are known to be in the log already, so that a retry can be answered
// without logging it again. What is not known here costs a record, never a second count.
//
// Bounds: the newest kCapacity ids, and those of the retention time.
//
// Threads: all methods from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>

#include "estadio/contest/entry.h"
#include "estadio/contest/recent_ids.h"

namespace estadio {

class KnownIds {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 18;

  explicit KnownIds(std::int64_t retention_ms)
      : retention_ms_(retention_ms), ids_({.capacity = kCapacity, .retention_ms = retention_ms}) {}

  // Sets is_repeated of the verdicts whose entries are known; late ones of these were kept.
  void mark_known(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Settles the fate of the late entries that have none yet: kKept when they are known; kRefused
  // when what is known reaches back to when they may have been sent first; else kUnknown.
  void settle_late(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Adds the batch's entries that a client gave ids to, without the late ones: they have become
  // durable.
  void add(const EntryBatch& batch, std::int64_t now_ms);

  // Adds ids that were logged at `time_ms`, as they are read back when a process starts.
  void add(std::span<const base::Uuid> ids, std::int64_t time_ms);

 private:
  const std::int64_t retention_ms_;
  mutable std::mutex mutex_;
  RecentIds ids_;  // guarded by mutex_
};

}  // namespace estadio
