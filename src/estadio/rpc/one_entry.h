// Reads the entry of a JudgeOne call, with the checks of the HTTP edge, and writes its answer.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/rpc/handshake.h"

namespace estadio::v1 {
class JudgeOneReply;
class JudgeOneRequest;
}  // namespace estadio::v1

namespace estadio {

struct OneEntryRules {
  const Contest& contest;
  DisciplineMask judged = 0;  // by this server
  std::int64_t now_ms = 0;
  std::optional<std::int64_t> window_ms;  // how old an id may be; nothing: not known yet
};

// Replaces `batch` by the entry. The entry has no id yet when the client gave none.
// Errors: kInvalidArgument naming the field; kFailedPrecondition when the contest is over and the
// client gave no id, or when another server judges the discipline; kUnavailable when the client
// gave an id and the window is not known yet.
[[nodiscard]] base::Result<void> read_one_entry(const v1::JudgeOneRequest& request,
                                                const OneEntryRules& rules, EntryBatch& batch);

// Writes the answer to an entry that is in the log.
// Errors: that of `judged`, unless the verdict's own durability is kKept; kFailedPrecondition for a
// late entry of durability kRefused; kDeadlineExceeded for a late entry of durability kUnknown.
[[nodiscard]] base::Result<void> write_one_verdict(const Entry& entry, const Verdict& verdict,
                                                   const base::Result<void>& judged,
                                                   v1::JudgeOneReply& reply);

}  // namespace estadio
