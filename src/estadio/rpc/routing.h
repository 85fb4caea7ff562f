// Which server gets which entries of a batch.
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

// A stream that could take a part of a batch.
struct Carrier {
  std::size_t number = 0;  // whatever the asker knows it by
  DisciplineMask judged = 0;
  std::size_t in_flight_bytes = 0;
};

struct Share {
  std::size_t number = 0;
  DisciplineMask disciplines = 0;
};

struct Division {
  std::vector<Share> shares;
  DisciplineMask left = 0;  // what nobody judges
};

// Divides the disciplines over as few carriers as it takes one by one: each time the one that takes
// most of what is left; of those that take as much, the one with the fewest bytes in flight.
[[nodiscard]] Division divide(DisciplineMask disciplines, std::span<const Carrier> carriers);

// Entries that travel in one message.
struct Portion {
  std::optional<std::size_t> number;  // of the share's carrier; nothing: nobody takes them
  DisciplineMask disciplines = 0;     // of the share
  std::vector<std::uint32_t> places;  // in the batch
};

// The batch's entries by share, each in as many portions as kBatchEntriesMax makes of it, in the
// order in which they stand; what is in no share is a portion by itself.
[[nodiscard]] std::vector<Portion> portion_out(const EntryBatch& batch,
                                               std::span<const Share> shares);

}  // namespace estadio
