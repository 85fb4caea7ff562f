#include "estadio/rpc/one_entry.h"

#include <estadio/v1/judge.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using Durability = Verdict::Durability;
using testing::HasSubstr;

class OneVerdictTest : public testing::Test {
 protected:
  base::Result<void> write(Durability durability, const base::Result<void>& judged) {
    return write_one_verdict(
        entry_, {.outcome = Outcome::kWinner, .is_repeated = true, .durability = durability},
        judged, reply_);
  }
  // Returns the error of an entry of this durability.
  base::Error error_of(Durability durability, const base::Result<void>& judged = {}) {
    const auto written = write(durability, judged);
    EXPECT_FALSE(written) << "expected an error";
    EXPECT_TRUE(reply_.id().empty()) << "an entry without an answer has a reply";
    return written ? base::Error(base::Code::kInternal, "none") : written.error();
  }

  static base::Result<void> unavailable() {
    return base::fail(base::Code::kUnavailable, "the log is away");
  }

  Entry entry_{.id = test::numbered_id(7), .is_id_given = true};
  v1::JudgeOneReply reply_;
};

TEST_F(OneVerdictTest, AKeptEntryIsAnswered) {
  ASSERT_TRUE(write(Durability::kOfBatch, {}));
  EXPECT_EQ(reply_.id(), test::numbered_id(7).to_string());
  EXPECT_EQ(reply_.outcome(), v1::OUTCOME_WINNER);
  EXPECT_TRUE(reply_.repeated());
}

TEST_F(OneVerdictTest, AnEntryThatTheLogHadBeforeIsAnsweredWhenItsBatchFailed) {
  ASSERT_TRUE(write(Durability::kKept, unavailable()));
  EXPECT_EQ(reply_.id(), test::numbered_id(7).to_string());
}

TEST_F(OneVerdictTest, AnIdWithAnotherContentAlreadyExistsWhateverBecameOfTheBatch) {
  for (const auto& judged : {base::Result<void>(), unavailable()}) {
    const base::Error error = error_of(Durability::kConflict, judged);
    EXPECT_EQ(error.code(), base::Code::kAlreadyExists);
    EXPECT_THAT(error.message(), HasSubstr("faculty: an entry with this id was accepted"));
  }
}

TEST_F(OneVerdictTest, AnEntryThatTheLogDoesNotHaveIsRefusedWhenTheContestIsOver) {
  const base::Error error = error_of(Durability::kOver, unavailable());
  EXPECT_EQ(error.code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(error.message(), HasSubstr("the log does not have this one"));
}

TEST_F(OneVerdictTest, TheErrorOfTheBatchIsTheAnswerToAnEntryThatIsNotKept) {
  for (const Durability durability :
       {Durability::kOfBatch, Durability::kRefused, Durability::kUnknown}) {
    EXPECT_EQ(error_of(durability, unavailable()).message(), "the log is away");
  }
}

TEST(OneEntryTest, AContestOfIdsOfVersion7RefusesOthers) {
  const Contest contest = Contest::from_toml("ids = \"v7\"", "test").value();
  const auto read = [&](const std::string& id) {
    v1::JudgeOneRequest request;
    request.set_faculty("agronomy");
    request.set_discipline(1);
    request.set_id(id);
    const std::int64_t now_ms = test::TestClock::kStartMs;
    EntryBatch batch;
    return read_one_entry(request,
                          {.contest = contest,
                           .judged = all_disciplines(contest),
                           .times = {.earliest_ms = now_ms, .latest_ms = now_ms}},
                          batch);
  };
  EXPECT_TRUE(read(base::UuidGenerator().next(test::TestClock::kStartMs).to_string()));
  const auto refused = read("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("id: expected an id of version 7"));
}

}  // namespace
}  // namespace estadio
