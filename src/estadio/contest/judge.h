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
  // Called once. A value: every verdict is set and durable in the log, but for those of late
  // entries, whose `fate` says. An error: kUnavailable and kResourceExhausted mean that nothing was
  // kept, any other that this is not known; but for the verdicts whose own `fate` says otherwise,
  // which are set when they were kept.
  using Done = std::function<void(base::Result<void>)>;

  virtual ~Judge() = default;

  // Judges every entry of `batch` into `verdicts`, which has as many places. A late entry is never
  // logged: its fate is kKept when it is known to be in the log, kRefused when it is known not to
  // be, else kUnknown.
  // REQUIRES: batch and verdicts stay alive and untouched until `done` is called, which the judge's
  // destructor may do.
  virtual void judge(const EntryBatch& batch, std::span<Verdict> verdicts, Done done) = 0;
};

// What became of the entries whose verdicts have no fate of their own, by what `done` was given.
[[nodiscard]] inline Verdict::Fate fate_of_batch(const base::Result<void>& judged) {
  if (judged) return Verdict::Fate::kKept;
  const base::Code code = judged.error().code();
  const bool is_refused =
      code == base::Code::kUnavailable || code == base::Code::kResourceExhausted;
  return is_refused ? Verdict::Fate::kRefused : Verdict::Fate::kUnknown;
}

}  // namespace estadio
