// A batch that was given to judge() and travels in sub-batches. Each sub-batch gets an answer or an
// error of its own. After the last one the batch's `done` is called (Judge::Done).
//
// Threads: each sub-batch is ended once, on any thread.
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
  // `sub_batches` lists, for each sub-batch, the places of its entries in the batch.
  // REQUIRES: one sub-batch or more; `verdicts` stays alive until the last has ended.
  JudgeCall(std::span<Verdict> verdicts, std::vector<std::vector<std::uint32_t>> sub_batches,
            Judge::Done done);

  [[nodiscard]] std::span<const std::uint32_t> places(std::size_t sub_batch) const {
    return sub_batches_[sub_batch].places;
  }

  // Takes the server's answer. Malformed verdicts end the sub-batch with kInternal.
  void on_answer(std::size_t sub_batch, std::string_view verdicts, base::Result<void> result);

  // Ends the sub-batch without an answer.
  void on_failure(std::size_t sub_batch, base::Error error);

 private:
  struct SubBatchResult {
    std::vector<std::uint32_t> places;
    base::Result<void> result;
  };

  void on_result(std::size_t sub_batch, base::Result<void> result);
  void finish();

  const std::span<Verdict> verdicts_;
  std::vector<SubBatchResult> sub_batches_;
  std::atomic<std::size_t> under_way_;
  const Judge::Done done_;
};

}  // namespace estadio
