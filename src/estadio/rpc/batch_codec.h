// Batches and verdicts as messages. A message has columns, most with one byte for each entry.
// proto/estadio/v1/judge.proto draws them. A decoder that succeeds has checked the whole message.
//
// Faculties and disciplines travel as the caller's indexes. The handshake translates them
// (handshake.h).
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estadio/contest/entry.h"

namespace estadio::v1 {
class Batch;
}

namespace estadio {

// The most entries in one message. A larger batch travels as several.
inline constexpr std::size_t kBatchEntriesMax = 16'384;
// Holds all columns of kBatchEntriesMax entries, and room for the rest of the message.
inline constexpr std::size_t kMessageBytesMax = std::size_t{4} << 20;
static_assert(kBatchEntriesMax * (16 + 5 + Entry::kStudentBytesMax) + 64 * 1024 < kMessageBytesMax);

// Maps each caller's index to this server's index.
struct CallerIndexes {
  static constexpr DisciplineIndex kNotJudged = UINT8_MAX;

  std::vector<FacultyIndex> faculties;
  std::vector<DisciplineIndex> disciplines;  // kNotJudged: another server judges it
};

// Writes the entries at `places` of the batch into the message's columns.
// REQUIRES: at most kBatchEntriesMax of them.
void encode_batch(const EntryBatch& batch, std::span<const std::uint32_t> places,
                  v1::Batch& message);

// Replaces `batch` by the message's entries. Errors: kInvalidArgument naming the field and what was
// expected. After an error the batch must not be used.
[[nodiscard]] base::Result<void> decode_batch(const v1::Batch& message, const CallerIndexes& caller,
                                              EntryBatch& batch);

[[nodiscard]] std::string encode_verdicts(std::span<const Verdict> verdicts);

// Writes verdict i into `verdicts[places[i]]`. Errors: kInvalidArgument; then nothing is written.
[[nodiscard]] base::Result<void> decode_verdicts(std::string_view bytes,
                                                 std::span<const std::uint32_t> places,
                                                 std::span<Verdict> verdicts);

}  // namespace estadio
