// Routing: which stream gets which entries of a batch.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "estadio/contest/entry.h"
#include "estadio/rpc/handshake.h"

namespace estadio {

// A stream that takes batches.
struct StreamState {
  std::size_t number = 0;  // the caller's name for it
  DisciplineMask judged = 0;
  std::size_t in_flight_bytes = 0;
};

// The disciplines that a stream gets.
struct Assignment {
  std::size_t number = 0;  // of the stream
  DisciplineMask disciplines = 0;
};

struct Division {
  std::vector<Assignment> assignments;
  DisciplineMask unassigned = 0;  // no stream judges these
};

// Divides the disciplines over few streams. Each step takes the stream that judges the most
// unassigned disciplines. Ties go to the fewest bytes in flight.
[[nodiscard]] Division divide(DisciplineMask disciplines, std::span<const StreamState> streams);

// Entries that travel in one message.
struct SubBatch {
  std::optional<std::size_t> number;  // of the stream; nothing when no stream judges them
  DisciplineMask disciplines = 0;     // of the assignment
  std::vector<std::uint32_t> places;  // in the batch
};

// Splits the batch by assignment, and each assignment into sub-batches of at most kBatchEntriesMax
// entries in the batch's order. Entries of no assignment form one sub-batch.
[[nodiscard]] std::vector<SubBatch> split_batch(const EntryBatch& batch,
                                                std::span<const Assignment> assignments);

}  // namespace estadio
