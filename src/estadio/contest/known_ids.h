// The client-given ids that are known to be in the log already, so that a retry can be answered
// without logging it again. What is not known here costs a record, never a second count.
//
// A process that does not read the log back knows only what it logged itself: what it does not know
// may have been kept all the same.
//
// Bounds: the newest kCapacity ids, and those of the retention time.
//
// Threads: all methods from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "estadio/contest/entry.h"
#include "estadio/contest/recent_ids.h"

namespace estadio {

class KnownIds {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 18;

  enum class Coverage : std::uint8_t { kWholeLog, kOwn };

  explicit KnownIds(std::int64_t retention_ms, Coverage coverage = Coverage::kWholeLog)
      : retention_ms_(retention_ms),
        ids_({.capacity = kCapacity, .retention_ms = retention_ms}),
        knows_whole_log_(coverage == Coverage::kWholeLog) {}

  // From now on: the log has been read back as far as ids matter.
  void set_knows_whole_log() { knows_whole_log_ = true; }

  // Sets is_repeated of the verdicts whose entries are known; late ones of these were kept.
  void mark_known(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Sets the durability of the late entries whose verdicts say kOfBatch: kKept when their id is
  // known; kRefused when the known ids reach back to the time of the first sending; else kUnknown.
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
  std::atomic<bool> knows_whole_log_;
};

}  // namespace estadio
