// A batch that was handed to judge() and travels in pieces, each with an end of its own. When the
// last has ended, the batch's `done` is called with what became of all: see Judge::Done.
//
// Threads: each piece is ended once, on any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estadio/contest/judge.h"

namespace estadio {

class JudgeCall {
 public:
  // The entries of each piece, by their places in the batch. REQUIRES: one piece or more; as long
  // as a piece has not ended, `verdicts` stays alive.
  JudgeCall(std::span<Verdict> verdicts, std::vector<std::vector<std::uint32_t>> pieces,
            Judge::Done done);

  [[nodiscard]] std::span<const std::uint32_t> places(std::size_t piece) const {
    return pieces_[piece].places;
  }

  // The server's answer. Verdicts that cannot be read are kInternal: not known.
  void end(std::size_t piece, std::string_view verdicts, base::Result<void> result);

  // Without an answer.
  void fail(std::size_t piece, base::Error error);

 private:
  struct Piece {
    std::vector<std::uint32_t> places;
    base::Result<void> result;
  };

  void ended(std::size_t piece, base::Result<void> result);
  void settle();

  const std::span<Verdict> verdicts_;
  std::vector<Piece> pieces_;
  std::atomic<std::size_t> under_way_;
  const Judge::Done done_;
};

}  // namespace estadio
