// The handshake of a stream. The request lists the caller's faculties and disciplines in index
// order. The server's response names the disciplines that it judges. A caller of another contest is
// refused here, before its first entry.
//
// A server may know more faculties and disciplines than its callers. So a contest is extended by
// restarting the servers first, then the callers.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/rpc/batch_codec.h"

namespace estadio::v1 {
class HandshakeRequest;
class HandshakeResponse;
}  // namespace estadio::v1

namespace estadio {

// A bit for each DisciplineIndex.
using DisciplineMask = std::uint64_t;
static_assert(Contest::kDisciplinesMax <= 64);

[[nodiscard]] constexpr DisciplineMask mask_of(DisciplineIndex discipline) {
  return DisciplineMask{1} << discipline;
}
[[nodiscard]] DisciplineMask all_disciplines(const Contest& contest);

// "1 (Natación), 3 (Boxeo)".
[[nodiscard]] std::string names_of(DisciplineMask disciplines, const Contest& contest);

// The values that one side brings to the handshake.
struct HandshakeParty {
  const Contest& contest;
  std::string_view coin_commitment;  // empty when not known: then it is not compared
  // The contest's start in milliseconds since 1970; 0 when it is unknown. A server sends this time.
  // JudgeClient compares the times of its servers.
  std::int64_t started_at_ms = 0;
  std::int64_t retry_window_ms = 0;  // a server sends it
};

void write_handshake_request(const HandshakeParty& caller, v1::HandshakeRequest& request);

// Maps the caller's indexes to the server's. `judged` has the disciplines that this server judges.
// Errors: kInvalidArgument when the request is malformed; kFailedPrecondition with all differences.
[[nodiscard]] base::Result<CallerIndexes> read_handshake_request(
    const v1::HandshakeRequest& request, const HandshakeParty& server, DisciplineMask judged);

void write_handshake_response(const HandshakeParty& server, const CallerIndexes& caller,
                              v1::HandshakeResponse& response);

// Returns the caller's disciplines that the server judges. Errors: kFailedPrecondition when the
// coins' commitments differ; kInvalidArgument for a retry window out of range.
[[nodiscard]] base::Result<DisciplineMask> read_handshake_response(
    const v1::HandshakeResponse& response, const HandshakeParty& caller);

}  // namespace estadio
