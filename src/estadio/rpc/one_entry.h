// Reads the entry of a JudgeOne call, with the checks of the HTTP edge, and writes its answer.
//
// Threads: pure functions.
#pragma once

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/dedup/judge_clocks.h"
#include "estadio/rpc/handshake.h"

namespace estadio::v1 {
class JudgeOneReply;
class JudgeOneRequest;
}  // namespace estadio::v1

namespace estadio {

struct OneEntryRules {
  const Contest& contest;
  DisciplineMask judged = 0;  // by this server
  JudgeTimes times;           // of this server's clock
};

// Replaces `batch` by the entry. The entry has no id yet when the client gave none.
// Errors: kInvalidArgument names the field. kFailedPrecondition: another server judges the
// discipline.
[[nodiscard]] base::Result<void> read_one_entry(const v1::JudgeOneRequest& request,
                                                const OneEntryRules& rules, EntryBatch& batch);

// Writes the answer to an entry that is in the log.
// Errors: that of `judged`, unless the verdict's own durability is kKept. kInvalidArgument when the
// durability is kNotInTime, kAlreadyExists when it is kConflict, and kFailedPrecondition when it is
// kOver.
[[nodiscard]] base::Result<void> write_one_verdict(const Entry& entry, const Verdict& verdict,
                                                   const base::Result<void>& judged,
                                                   v1::JudgeOneReply& reply);

}  // namespace estadio
