// The port between the HTTP edge and the judge. The edge hands over a batch of entries and gets
// their verdicts once the results are durable.
//
// The implementations are in discipline/ and rpc/ and pass judge_contract.h.
#pragma once

#include <functional>
#include <span>

#include "base/result.h"
#include "estadio/contest/entry.h"

namespace estadio {

// Threads: a Judge belongs to one thread, which calls judge(). `done` may run on any thread.
class Judge {
 public:
  // Called once, with the batch's status.
  //   A value: every verdict is set, and its result is durable in the log.
  //   kUnavailable, kResourceExhausted: nothing was logged.
  //   Any other error: the result is unknown.
  // A verdict's own durability overrides the status. If it is kOfBatch, durability_of_batch()
  // decides. With an error, an outcome is valid only when its entry's durability is kKept.
  using Done = std::function<void(base::Result<void>)>;

  virtual ~Judge() = default;

  // Judges every entry of `batch` into `verdicts`. The judge's destructor may call `done`.
  //
  // Near the contest's end and after it the judge logs nothing. Then every verdict has a durability
  // of its own: kKept, kConflict or kOver when the judge knows, else kRefused.
  //
  // REQUIRES: `verdicts` has as many places as `batch` has entries, each with durability kOfBatch.
  // The caller keeps both alive and does not touch them until `done` is called.
  virtual void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) = 0;
};

// Returns the durability of entries whose verdicts say kOfBatch. `judged` is the batch's status.
[[nodiscard]] inline Verdict::Durability durability_of_batch(const base::Result<void>& judged) {
  if (judged) return Verdict::Durability::kKept;
  const base::Code code = judged.error().code();
  const bool is_refused =
      code == base::Code::kUnavailable || code == base::Code::kResourceExhausted;
  return is_refused ? Verdict::Durability::kRefused : Verdict::Durability::kUnknown;
}

}  // namespace estadio
