#include "estadio/rpc/judge_call.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "estadio/rpc/batch_codec.h"

namespace estadio {

JudgeCall::JudgeCall(std::span<Verdict> verdicts,
                     std::vector<std::vector<std::uint32_t>> sub_batches, Judge::Done done)
    : verdicts_(verdicts), under_way_(sub_batches.size()), done_(std::move(done)) {
  CHECK(!sub_batches.empty());
  for (auto& places : sub_batches) {
    sub_batches_.push_back({.places = std::move(places), .result = {}});
  }
}

void JudgeCall::on_answer(std::size_t sub_batch, std::string_view verdicts,
                          base::Result<void> result) {
  // An error comes without verdicts when all of them say kOfBatch.
  if (!result && verdicts.empty()) return on_failure(sub_batch, std::move(result).error());
  if (auto decoded = decode_verdicts(verdicts, places(sub_batch), verdicts_); !decoded) {
    return on_failure(sub_batch,
                      base::Error(base::Code::kInternal,
                                  std::move(decoded).error().within("the answer").message()));
  }
  on_result(sub_batch, std::move(result));
}

void JudgeCall::on_failure(std::size_t sub_batch, base::Error error) {
  for (const std::uint32_t place : places(sub_batch)) verdicts_[place] = Verdict();
  on_result(sub_batch, base::fail(std::move(error)));
}

void JudgeCall::on_result(std::size_t sub_batch, base::Result<void> result) {
  sub_batches_[sub_batch].result = std::move(result);
  if (under_way_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
}

void JudgeCall::finish() {
  // The batch gets the worst status. Entries with a better one get a durability of their own.
  const SubBatchResult& worst = *std::ranges::max_element(
      sub_batches_, {},
      [](const SubBatchResult& sub_batch) { return durability_of_batch(sub_batch.result); });
  const Verdict::Durability of_batch = durability_of_batch(worst.result);
  for (const SubBatchResult& sub_batch : sub_batches_) {
    const Verdict::Durability durability = durability_of_batch(sub_batch.result);
    if (durability == of_batch) continue;
    for (const std::uint32_t place : sub_batch.places) {
      Verdict& verdict = verdicts_[place];
      if (verdict.durability == Verdict::Durability::kOfBatch) verdict.durability = durability;
    }
  }
  done_(worst.result);
}

}  // namespace estadio
