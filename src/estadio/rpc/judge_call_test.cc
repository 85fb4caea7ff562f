#include "estadio/rpc/judge_call.h"

#include <gtest/gtest.h>

#include <optional>

#include "estadio/rpc/batch_codec.h"

namespace estadio {
namespace {

using Durability = Verdict::Durability;

// A batch of four entries in two sub-batches: 0 and 2, 1 and 3.
class JudgeCallTest : public testing::Test {
 protected:
  static std::string answer(Durability first = Durability::kOfBatch,
                            Durability second = Durability::kOfBatch) {
    return encode_verdicts(
        std::vector<Verdict>{{.outcome = Outcome::kWinner, .durability = first},
                             {.outcome = Outcome::kLoser, .durability = second}});
  }
  static base::Result<void> error(base::Code code) { return base::fail(code, "why"); }

  void expect_durabilities(Durability even, Durability odd) const {
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_EQ(verdicts_[i].durability, i % 2 == 0 ? even : odd) << i;
  }

  std::vector<Verdict> verdicts_{4,
                                 Verdict{.is_repeated = true, .durability = Durability::kUnknown}};
  std::optional<base::Result<void>> result_;
  JudgeCall call_{verdicts_, {{0, 2}, {1, 3}}, [this](base::Result<void> result) {
                    EXPECT_FALSE(result_) << "called twice";
                    result_ = std::move(result);
                  }};
};

TEST_F(JudgeCallTest, IsDoneWhenTheLastSubBatchHasEnded) {
  call_.on_answer(1, answer(), {});
  EXPECT_FALSE(result_);
  call_.on_answer(0, answer(), {});
  ASSERT_TRUE(result_);
  EXPECT_TRUE(*result_);
  expect_durabilities(Durability::kOfBatch, Durability::kOfBatch);
  EXPECT_EQ(verdicts_[0].outcome, Outcome::kWinner);
  EXPECT_EQ(verdicts_[1].outcome, Outcome::kWinner);
  EXPECT_EQ(verdicts_[2].outcome, Outcome::kLoser);
  EXPECT_FALSE(verdicts_[3].is_repeated);
}

TEST_F(JudgeCallTest, SubBatchesOfTheSameDurabilityLeaveItToTheBatch) {
  call_.on_answer(0, "", error(base::Code::kResourceExhausted));
  call_.on_failure(1, base::Error(base::Code::kUnavailable, "away"));
  EXPECT_FALSE(*result_);
  expect_durabilities(Durability::kOfBatch, Durability::kOfBatch);
}

TEST_F(JudgeCallTest, WhatWasKeptSaysSoWhenTheRestWasRefused) {
  call_.on_answer(0, answer(), {});
  call_.on_failure(1, base::Error(base::Code::kUnavailable, "away"));
  EXPECT_EQ(result_->error().code(), base::Code::kUnavailable);
  expect_durabilities(Durability::kKept, Durability::kOfBatch);
}

TEST_F(JudgeCallTest, TheUnknownSpeaksForTheBatch) {
  call_.on_failure(0, base::Error(base::Code::kInternal, "lost"));
  call_.on_failure(1, base::Error(base::Code::kUnavailable, "away"));
  EXPECT_EQ(result_->error().code(), base::Code::kInternal);
  expect_durabilities(Durability::kOfBatch, Durability::kRefused);
}

TEST_F(JudgeCallTest, ADurabilityThatTheServerGaveStays) {
  call_.on_answer(0, answer(Durability::kRefused, Durability::kKept), {});
  call_.on_answer(1, answer(Durability::kKept, Durability::kOfBatch), error(base::Code::kInternal));
  EXPECT_EQ(result_->error().code(), base::Code::kInternal);
  EXPECT_EQ(verdicts_[0].durability, Durability::kRefused);
  EXPECT_EQ(verdicts_[2].durability, Durability::kKept);
  EXPECT_EQ(verdicts_[1].durability, Durability::kKept);
  EXPECT_EQ(verdicts_[3].durability, Durability::kOfBatch);
}

TEST_F(JudgeCallTest, AnAnswerThatCannotBeReadIsUnknown) {
  call_.on_answer(0, "x", {});
  call_.on_answer(1, answer(), {});
  EXPECT_EQ(result_->error().code(), base::Code::kInternal);
  EXPECT_EQ(result_->error().message(), "the answer: verdicts: expected 2 bytes, got 1");
  expect_durabilities(Durability::kOfBatch, Durability::kKept);
}

}  // namespace
}  // namespace estadio
