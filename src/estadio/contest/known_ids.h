// Given ids that are known to be in the log, with what their first entries say. The judge answers a
// retry with a known id and does not log it again. An entry with a known id and another content is
// refused. A retry with an unknown id is logged again. Within the retry window the tally does
// not count it again.
//
// A process knows only the ids that it logged itself. The log may hold others.
//
// Bounds: at most kCapacity ids, the newest ones, each for the retention time.
//
// Threads: every method may be called from any thread.
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
      : ids_({.capacity = kCapacity, .retention_ms = retention_ms}) {}

  // Sets is_repeated of every verdict: true when the entry's given id is known, with the same
  // content. With another content the verdict gets the durability kConflict.
  void mark_known(const EntryBatch& batch, std::span<Verdict> verdicts, std::int64_t now_ms) const;

  // Adds the given ids of the batch, without those that the log did not get. REQUIRES: the batch's
  // results are durable, and are acknowledged.
  void add(const EntryBatch& batch, std::span<const Verdict> verdicts, std::int64_t now_ms);

  // Forgets all ids, and ends set_knows_whole_log(). For a log that has lost its end: the records
  // of some known ids may be lost.
  void forget();

 private:
  // Sets the verdict of an entry with a given id, if the id is known. REQUIRES: mutex_ is held.
  void compare(const EntryBatch& batch, const Entry& entry, Verdict& verdict,
               std::int64_t now_ms) const;

  mutable std::mutex mutex_;
  RecentIds ids_;  // guarded by mutex_
};

}  // namespace estadio
