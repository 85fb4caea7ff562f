// Given ids that are known to be in the log, with what their first entries say. The judge answers a
// retry with a known id and does not log it again. An entry with a known id and another content is
// refused. A retry with an unknown id is logged again, unless it is late. Within the retry
// window the tally does not count it again.
//
// A process that does not read the log back knows only the ids that it logged itself. The log may
// hold others.
//
// Bounds: at most kCapacity ids, the newest ones, each for the retention time.
//
// Threads: every method may be called from any thread.
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

  explicit KnownIds(std::int64_t retention_ms)
      : retention_ms_(retention_ms), ids_({.capacity = kCapacity, .retention_ms = retention_ms}) {}

  // From now on an unknown id is not in the log. REQUIRES: the ids of the log's last retention_ms
  // were read back and added, and no other process appends to the log any more.
  void set_knows_whole_log() { knows_whole_log_ = true; }

  // Sets is_repeated of every verdict: true when the entry's given id is known, with the same
  // content. With another content the verdict gets the durability kConflict. Else a late entry with
  // a known id gets the durability kKept.
  void mark_known(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Sets is_repeated and durability of late entries whose verdicts say kOfBatch. A known id is
  // treated as by mark_known(). With an unknown id the durability is kRefused when the known ids
  // cover the time of the first attempt. Else it is kUnknown.
  void settle_late(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Adds the given ids of the batch, without those of late entries and of entries that were not in
  // time. REQUIRES: the batch's results are durable.
  void add(const EntryBatch& batch, std::span<const Verdict> verdicts, std::int64_t now_ms);

  // Adds a given id that was read back from the log. `time_ms` is the time of its record.
  void add(const base::Uuid& id, const EntryContent& content, std::int64_t time_ms);

 private:
  // Sets the verdict of an entry with a given id, if the id is known. REQUIRES: mutex_ is held.
  void compare(const EntryBatch& batch, const Entry& entry, Verdict& verdict,
               std::int64_t now_ms) const;

  const std::int64_t retention_ms_;
  mutable std::mutex mutex_;
  RecentIds ids_;  // guarded by mutex_
  std::atomic<bool> knows_whole_log_ = false;
};

}  // namespace estadio
