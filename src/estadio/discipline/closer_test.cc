#include "estadio/discipline/closer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "estadio/contest/test_control_log.h"
#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"
#include "estadio/discipline/end_marks.h"
#include "estadio/discipline/own_closer.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kEndMs = 1'790'000'100'000;

// A clock whose times the test sets.
class SteppedClock final : public base::Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return wall; }
  [[nodiscard]] base::Nanos mono() const override { return up; }

  void advance(milliseconds time) {
    wall += time.count();
    up += time;
  }

  std::int64_t wall = kEndMs - 100'000;
  base::Nanos up = seconds(1000);
};

// A log of one partition for each topic, and the parts that every closer has.
class ClosingWorld : public testing::Test {
 protected:
  static constexpr PartitionId kWinners{.topic = Outcome::kWinner, .number = 0};

  // Appends the records, as a judge does.
  base::Result<void> append(std::uint64_t from, std::uint64_t until) {
    RecordBatch batch(1);
    for (std::uint64_t i = from; i < until; ++i) records_.add(batch, kWinners, i, true);
    return test::append_and_wait(events_, batch);
  }

  const Contest contest_ = Contest::defaults();
  SteppedClock clock_;
  test::CapturedLog log_;
  test::MemoryLog events_{1};
  test::NumberedRecords records_;
  IdMemory memory_{{.folder = "/tmp"}};
  AcceptedIds accepted_{{.contest = contest_,
                         .events = events_,
                         .retry = RetryRule(std::chrono::minutes(10)),
                         .memory = memory_,
                         .clock = clock_,
                         .log = log_.logger()}};
};

class CloserTest : public ClosingWorld {
 protected:
  // A judge's process.
  struct Process {
    Process(CloserTest& test, std::uint64_t number, test::MemoryLog& events)
        : end(kEndMs, ContestEnd::LeaseNeed::kLease, test.clock_),
          control(test.storage_, test.clock_),
          closer({.judge = test::numbered_id(number),
                  .closes_at_ms = kEndMs,
                  .events = events,
                  .control = control,
                  .end = end,
                  .accepted = test.accepted_,
                  .clock = test.clock_,
                  .log = test.log_.logger()}) {}

    void step() {
      for (int i = 0; i < 3; ++i) closer.step({});
    }

    ContestEnd end;
    test::MemoryControlLog control;
    Closer closer;
  };

  Process& process() {
    const std::uint64_t number = processes_.size() + 1;
    return processes_.emplace_back(*this, number, events_);
  }
  // Lets the time pass, with steps of all processes.
  void pass(seconds time) {
    for (seconds passed{}; passed < time; passed += seconds(1)) {
      clock_.advance(seconds(1));
      for (Process& each : processes_) each.step();
    }
  }

  const std::shared_ptr<test::MemoryControlLog::Storage> storage_ =
      std::make_shared<test::MemoryControlLog::Storage>();
  std::deque<Process> processes_;
};

TEST_F(CloserTest, AJudgeTakesEntriesOnceItsHeartbeatCameBack) {
  Process& judge = process();
  EXPECT_FALSE(judge.end.takes_new(clock_.wall));
  EXPECT_FALSE(judge.end.may_acknowledge());
  EXPECT_THAT(judge.closer.unready_reason().value(), HasSubstr("no heartbeat"));
  judge.step();
  EXPECT_TRUE(judge.end.takes_new(clock_.wall));
  EXPECT_TRUE(judge.end.may_acknowledge());
  EXPECT_EQ(judge.closer.unready_reason(), std::nullopt);
}

TEST_F(CloserTest, WithoutHeartbeatsTheLeaseEndsAfterAMinute) {
  Process& judge = process();
  judge.step();
  clock_.advance(seconds(60));
  EXPECT_TRUE(judge.end.may_acknowledge());
  clock_.advance(milliseconds(1));
  EXPECT_FALSE(judge.end.may_acknowledge());
  EXPECT_FALSE(judge.end.takes_new(clock_.wall));
  EXPECT_TRUE(judge.closer.unready_reason());
  judge.step();
  EXPECT_TRUE(judge.end.takes_new(clock_.wall));
}

TEST_F(CloserTest, TheWallClockAloneEndsTheTakingAtOnce) {
  Process& judge = process();
  judge.step();
  EXPECT_TRUE(judge.end.takes_new(kEndMs - 1));
  EXPECT_FALSE(judge.end.takes_new(kEndMs));
  EXPECT_TRUE(judge.end.may_acknowledge()) << "what was taken before";
}

TEST_F(CloserTest, TwoJudgesCloseTheContestTogether) {
  Process& first = process();
  Process& second = process();
  ASSERT_TRUE(append(0, 5));
  pass(seconds(99));
  EXPECT_EQ(first.end.phase(), ContestPhase::kOpen);
  pass(seconds(3));
  for (const Process& each : processes_) {
    EXPECT_EQ(each.end.phase(), ContestPhase::kClosing);
    EXPECT_FALSE(each.end.may_acknowledge());
  }
  pass(seconds(115));
  EXPECT_EQ(first.end.phase(), ContestPhase::kClosing);
  EXPECT_EQ(events_.end_offset(kWinners), 5);
  pass(seconds(10));
  EXPECT_EQ(first.end.phase(), ContestPhase::kClosed);
  EXPECT_EQ(second.end.phase(), ContestPhase::kClosed);
  const auto closed =
      std::ranges::find(storage_->records, ControlRecord::Kind::kClosed, &ControlRecord::kind);
  ASSERT_NE(closed, storage_->records.end());
  EXPECT_THAT(closed->offsets, ElementsAre(5, 0));
  EXPECT_TRUE(accepted_.is_ready());
  EXPECT_EQ(accepted_.size(), 5U);
}

TEST_F(CloserTest, MarksThatFailAreWrittenAgain) {
  Process& judge = process();
  pass(seconds(110));
  events_.fail_with({base::Code::kUnavailable, "away"});
  pass(seconds(150));
  EXPECT_EQ(judge.end.phase(), ContestPhase::kMarking);
  events_.recover();
  pass(seconds(15));
  EXPECT_EQ(judge.end.phase(), ContestPhase::kClosed);
}

TEST_F(CloserTest, ClosedSaysWhereTheFirstMarksAreAndNotTheOwn) {
  Process& judge = process();
  ASSERT_TRUE(append(0, 2));
  pass(seconds(105));
  // Another judge's mark, and a record that came too late.
  for (const PartitionId partition : all_partitions(1)) {
    events_.add(partition, std::string(RecordFormat::kEndMark));
  }
  ASSERT_TRUE(append(2, 3));
  pass(seconds(140));
  EXPECT_EQ(judge.end.phase(), ContestPhase::kClosed);
  const auto closed =
      std::ranges::find(storage_->records, ControlRecord::Kind::kClosed, &ControlRecord::kind);
  ASSERT_NE(closed, storage_->records.end());
  EXPECT_THAT(closed->offsets, ElementsAre(2, 0));
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(CloserTest, AJudgeThatStartsAfterTheCloseTakesNothing) {
  process();
  pass(seconds(240));
  clock_.wall -= 3'600'000;  // whatever its clock says
  Process& late = process();
  late.step();
  EXPECT_EQ(late.end.phase(), ContestPhase::kClosed);
  EXPECT_FALSE(late.end.takes_new(clock_.wall));
  EXPECT_EQ(late.closer.unready_reason(), std::nullopt) << "it answers entries that are known";
}

TEST_F(CloserTest, TheFirstMarksAreFoundFromTheGivenOffsetsOn) {
  const auto never = [] { return false; };
  ASSERT_TRUE(append(0, 3));
  EXPECT_EQ(find_first_marks(events_, {0, 0}, never).value(), std::nullopt);
  events_.append_end_marks([](const base::Result<void>&) {});
  EXPECT_THAT(find_first_marks(events_, {3, 0}, never).value().value(), ElementsAre(3, 0));
  const auto cancelled = find_first_marks(events_, {0, 0}, [] { return true; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code(), base::Code::kCancelled);
}

class OwnCloserTest : public ClosingWorld {
 protected:
  OwnCloser& start(OwnCloser::LogState state = OwnCloser::LogState::kOpen) {
    return closer_.emplace(OwnCloser::Dependencies{.closes_at_ms = kEndMs,
                                                   .events = events_,
                                                   .end = end_,
                                                   .accepted = accepted_,
                                                   .clock = clock_,
                                                   .log = log_.logger()},
                           state);
  }

  ContestEnd end_{kEndMs, ContestEnd::LeaseNeed::kNone, clock_};
  std::optional<OwnCloser> closer_;
};

TEST_F(OwnCloserTest, ItMarksTheLogAtTheEndAndIsClosedWhenTheMarksAreDurable) {
  OwnCloser& closer = start();
  ASSERT_TRUE(append(0, 2));
  clock_.wall = kEndMs - 1;
  closer.step();
  EXPECT_TRUE(end_.takes_new(clock_.wall));
  events_.hold();
  clock_.wall = kEndMs;
  EXPECT_FALSE(end_.takes_new(clock_.wall));
  closer.step();
  closer.step();
  EXPECT_EQ(end_.phase(), ContestPhase::kMarking);
  EXPECT_FALSE(append(2, 3)) << "nothing comes behind the marks";
  events_.release();
  closer.step();
  EXPECT_EQ(end_.phase(), ContestPhase::kClosed);
  closer.step();
  EXPECT_EQ(accepted_.size(), 2U);
  EXPECT_TRUE(end_.may_acknowledge()) << "whatever the log took is before the marks";
}

TEST_F(OwnCloserTest, AClockThatGoesBackOpensNothing) {
  OwnCloser& closer = start();
  clock_.wall = kEndMs;
  for (int i = 0; i < 3; ++i) closer.step();
  clock_.wall = kEndMs - 3'600'000;
  closer.step();
  EXPECT_EQ(end_.phase(), ContestPhase::kClosed);
  EXPECT_FALSE(end_.takes_new(clock_.wall));
}

TEST_F(OwnCloserTest, ALogThatHasEndedIsClosedAtTheStart) {
  ASSERT_TRUE(append(0, 2));
  events_.append_end_marks([](const base::Result<void>&) {});
  OwnCloser& closer = start(OwnCloser::LogState::kEnded);
  EXPECT_EQ(end_.phase(), ContestPhase::kClosed);
  closer.step();
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(OwnCloserTest, MarksThatFailAreWrittenAgain) {
  OwnCloser& closer = start();
  events_.fail_with({base::Code::kResourceExhausted, "full"});
  clock_.wall = kEndMs;
  for (int i = 0; i < 3; ++i) closer.step();
  EXPECT_EQ(end_.phase(), ContestPhase::kMarking);
  events_.recover();
  clock_.advance(seconds(1));
  for (int i = 0; i < 2; ++i) closer.step();
  EXPECT_EQ(end_.phase(), ContestPhase::kClosed);
}

}  // namespace
}  // namespace estadio
