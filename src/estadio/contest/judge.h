// The port between the HTTP edge and whoever judges: entries in, verdicts out, once they are
// durable. Implementations, in discipline/ and rpc/, pass judge_contract.h.
#pragma once

#include <functional>
#include <span>

#include "base/result.h"
#include "estadio/contest/entry.h"

namespace estadio {

// Threads: a Judge belongs to one thread, which calls judge(); `done` may come on any thread.
class Judge {
 public:
  // Called once, with the batch's status. A verdict's own durability overrides the status.
  //   A value: every verdict is set, and its result is durable in the log.
  //   kUnavailable, kResourceExhausted: nothing was logged.
  //   Any other error: the result is unknown.
  // With an error, only verdicts of durability kKept are set.
  using Done = std::function<void(base::Result<void>)>;

  virtual ~Judge() = default;

  // Judges every entry of `batch` into `verdicts`, which has as many places. A late entry is never
  // logged. Its durability is kKept when the log has it, kRefused when the log does not have it,
  // and kUnknown when the judge cannot tell. REQUIRES: batch and verdicts stay alive and untouched
  // until `done` is called, which the judge's destructor may do.
  virtual void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) = 0;
};

// The durability of entries whose verdicts say kOfBatch. `judged` is the status given to `done`.
[[nodiscard]] inline Verdict::Durability durability_of_batch(const base::Result<void>& judged) {
  if (judged) return Verdict::Durability::kKept;
  const base::Code code = judged.error().code();
  const bool is_refused =
      code == base::Code::kUnavailable || code == base::Code::kResourceExhausted;
  return is_refused ? Verdict::Durability::kRefused : Verdict::Durability::kUnknown;
}

}  // namespace estadio
