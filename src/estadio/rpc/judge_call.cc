#include "estadio/rpc/judge_call.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "estadio/rpc/batch_codec.h"

namespace estadio {

JudgeCall::JudgeCall(std::span<Verdict> verdicts, std::vector<std::vector<std::uint32_t>> pieces,
                     Judge::Done done)
    : verdicts_(verdicts), under_way_(pieces.size()), done_(std::move(done)) {
  CHECK(!pieces.empty());
  for (auto& places : pieces) pieces_.push_back({.places = std::move(places), .result = {}});
}

void JudgeCall::end(std::size_t piece, std::string_view verdicts, base::Result<void> result) {
  // An error comes without verdicts when all of them say kOfBatch.
  if (!result && verdicts.empty()) return fail(piece, std::move(result).error());
  if (auto decoded = decode_verdicts(verdicts, places(piece), verdicts_); !decoded) {
    return fail(piece, base::Error(base::Code::kInternal,
                                   std::move(decoded).error().within("the answer").message()));
  }
  ended(piece, std::move(result));
}

void JudgeCall::fail(std::size_t piece, base::Error error) {
  for (const std::uint32_t place : places(piece)) verdicts_[place] = Verdict();
  ended(piece, base::fail(std::move(error)));
}

void JudgeCall::ended(std::size_t piece, base::Result<void> result) {
  pieces_[piece].result = std::move(result);
  if (under_way_.fetch_sub(1, std::memory_order_acq_rel) == 1) settle();
}

void JudgeCall::settle() {
  // The worst status is the batch's. Entries of a better one get a durability of their own.
  const Piece& worst = *std::ranges::max_element(
      pieces_, {}, [](const Piece& piece) { return durability_of_batch(piece.result); });
  const Verdict::Durability of_batch = durability_of_batch(worst.result);
  for (const Piece& piece : pieces_) {
    const Verdict::Durability durability = durability_of_batch(piece.result);
    if (durability == of_batch) continue;
    for (const std::uint32_t place : piece.places) {
      Verdict& verdict = verdicts_[place];
      if (verdict.durability == Verdict::Durability::kOfBatch) verdict.durability = durability;
    }
  }
  done_(worst.result);
}

}  // namespace estadio
