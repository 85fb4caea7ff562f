// A digest of all records of a partition, from offset 0 on. Each record adds a link:
//
//   chain of no record    0
//   chain of n records    XXH3-64 of: chain of n - 1 records | offset | time ms | XXH3-64 of the
//   line
//                                     8                        8        8         8, little-endian
//
// Two readers of a log have the same chain at the same offset. A log that lost its end and grew
// again gives another chain. The digest has no key: it finds losses and mistakes, not forgery.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <span>

#include "estadio/contest/event_log.h"

namespace estadio {

struct RecordChain {
  std::uint64_t before_last = 0;  // of all records but the last one
  std::uint64_t all = 0;

  friend bool operator==(const RecordChain&, const RecordChain&) = default;

  // Adds the partition's next records.
  void add(std::span<const LoggedRecord> records);
  void add(const LoggedRecord& record) { add({&record, 1}); }

  // Returns whether `record` is the last record that was added. REQUIRES: a record was added.
  [[nodiscard]] bool ends_with(const LoggedRecord& record) const;
};

}  // namespace estadio
