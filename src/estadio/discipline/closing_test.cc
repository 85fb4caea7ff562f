#include "estadio/discipline/closing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using Action = Closing::Action;
using Kind = ControlRecord::Kind;

constexpr std::int64_t kEndMs = 1'000'000;

class ClosingTest : public testing::Test {
 protected:
  ClosingTest() : closing_(own_, kEndMs) {}

  // The time is `s` seconds after the end by the wall, and 5000 seconds more since the boot.
  static Closing::Moment at(double s) {
    return {.wall_ms = kEndMs + static_cast<std::int64_t>(s * 1000), .boot = boot(s)};
  }
  static base::Nanos boot(double s) {
    return milliseconds(5'000'000 + static_cast<std::int64_t>(s * 1000));
  }
  Action next(double s) { return closing_.next(at(s)); }
  void read_heartbeat(std::uint64_t number, double read_at, double appended_at,
                      const base::Uuid& judge = test::numbered_id(1)) {
    closing_.read({.kind = Kind::kHeartbeat,
                   .judge = judge,
                   .number = number,
                   .offsets = {},
                   .appended_ms = kEndMs + static_cast<std::int64_t>(appended_at * 1000)},
                  boot(read_at));
  }
  void read(Kind kind, double read_at, std::vector<std::int64_t> offsets = {}) {
    closing_.read({.kind = kind, .judge = other_, .offsets = std::move(offsets)}, boot(read_at));
  }

  const base::Uuid own_ = test::numbered_id(1);
  const base::Uuid other_ = test::numbered_id(2);
  Closing closing_;
};

TEST_F(ClosingTest, AHeartbeatIsDueAtOnceAndThenEveryTenSeconds) {
  EXPECT_EQ(next(-1000), Action::kWriteHeartbeat);
  EXPECT_EQ(closing_.heartbeat(), 1U);
  EXPECT_EQ(next(-990.001), Action::kNone);
  EXPECT_EQ(next(-990), Action::kWriteHeartbeat);
  EXPECT_EQ(closing_.heartbeat(), 2U);
}

TEST_F(ClosingTest, TheLeaseBeginsWhenTheHeartbeatIsSentAndIsThereOnceItIsReadBack) {
  ASSERT_EQ(next(-1000), Action::kWriteHeartbeat);
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
  read_heartbeat(1, -996, -998);
  EXPECT_EQ(closing_.lease_until(), boot(-1000) + Closing::kLease);
}

TEST_F(ClosingTest, OnlyOwnHeartbeatsGiveALease) {
  ASSERT_EQ(next(-1000), Action::kWriteHeartbeat);
  read_heartbeat(1, -996, -998, other_);
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
}

TEST_F(ClosingTest, ALaterHeartbeatExtendsTheLeaseAndALateOneDoesNotShortenIt) {
  ASSERT_EQ(next(-1000), Action::kWriteHeartbeat);
  ASSERT_EQ(next(-990), Action::kWriteHeartbeat);
  read_heartbeat(2, -989, -989);
  EXPECT_EQ(closing_.lease_until(), boot(-990) + Closing::kLease);
  read_heartbeat(1, -988, -988);  // the log may have it again
  EXPECT_EQ(closing_.lease_until(), boot(-990) + Closing::kLease);
}

TEST_F(ClosingTest, AHeartbeatBehindClosingGivesNoLease) {
  ASSERT_EQ(next(-1000), Action::kWriteHeartbeat);
  read(Kind::kClosing, -999);
  read_heartbeat(1, -998, -999);
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
}

TEST_F(ClosingTest, ClosingEndsTheLease) {
  ASSERT_EQ(next(-1000), Action::kWriteHeartbeat);
  read_heartbeat(1, -999, -999);
  read(Kind::kClosing, -998);
  EXPECT_EQ(closing_.phase(), ContestPhase::kClosing);
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
}

TEST_F(ClosingTest, HeartbeatsThatNeverComeBackTakeBoundedMemory) {
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(next(-50'000 + 10 * i), Action::kWriteHeartbeat);
  read_heartbeat(1, -2, -3);  // forgotten
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
  read_heartbeat(1000, -2, -3);
  EXPECT_EQ(closing_.lease_until(), boot(-50'000 + 10 * 999) + Closing::kLease);
}

struct ClosingCase {
  const char* name;
  double wall;      // now, in seconds after the end, by this judge's clock
  double appended;  // of the heartbeat, by the log's clock
  bool closes;
};

class WhenToWriteClosing : public testing::TestWithParam<ClosingCase> {};

TEST_P(WhenToWriteClosing, BothClocksMustBePastTheEnd) {
  Closing closing(test::numbered_id(1), kEndMs);
  const auto boot = seconds(100);
  const std::int64_t wall_ms = kEndMs + static_cast<std::int64_t>(GetParam().wall * 1000);
  ASSERT_EQ(closing.next({.wall_ms = wall_ms, .boot = boot}), Action::kWriteHeartbeat);
  closing.read({.kind = Kind::kHeartbeat,
                .judge = test::numbered_id(1),
                .number = 1,
                .offsets = {},
                .appended_ms = kEndMs + static_cast<std::int64_t>(GetParam().appended * 1000)},
               boot);
  EXPECT_EQ(closing.next({.wall_ms = wall_ms, .boot = boot + milliseconds(1)}),
            GetParam().closes ? Action::kWriteClosing : Action::kNone);
}

INSTANTIATE_TEST_SUITE_P(Closing, WhenToWriteClosing,
                         testing::Values(ClosingCase{"BothAreBefore", -0.001, -0.001, false},
                                         ClosingCase{"ThisJudgeIsAhead", 3600, -0.001, false},
                                         ClosingCase{"TheLogIsAhead", -0.001, 3600, false},
                                         ClosingCase{"BothAreAtTheEnd", 0, 0, true},
                                         ClosingCase{"BothArePast", 3600, 3600, true}),
                         [](const auto& each) { return each.param.name; });

TEST_F(ClosingTest, PastTheEndAHeartbeatIsDueEverySecondSoThatTheContestClosesSoon) {
  ASSERT_EQ(next(-0.5), Action::kWriteHeartbeat);
  EXPECT_EQ(next(0), Action::kNone);
  EXPECT_EQ(next(0.5), Action::kWriteHeartbeat);
  read_heartbeat(2, 0.6, 0.55);
  EXPECT_EQ(next(0.7), Action::kWriteClosing);
}

TEST_F(ClosingTest, ClosingIsWrittenAgainUntilItIsRead) {
  ASSERT_EQ(next(1), Action::kWriteHeartbeat);
  read_heartbeat(1, 1, 1);
  EXPECT_EQ(next(1.5), Action::kWriteClosing);
  EXPECT_EQ(next(1.6), Action::kNone);
  EXPECT_EQ(next(2), Action::kWriteHeartbeat);
  EXPECT_EQ(next(11.5), Action::kWriteClosing);
  read(Kind::kClosing, 12);
  EXPECT_EQ(next(30), Action::kNone);
}

TEST_F(ClosingTest, AJudgeWithoutAnEndNeverWritesClosingAndFollowsTheOthers) {
  Closing closing(own_, std::nullopt);
  ASSERT_EQ(closing.next(at(1e6)), Action::kWriteHeartbeat);
  closing.read({.kind = Kind::kHeartbeat,
                .judge = own_,
                .number = 1,
                .offsets = {},
                .appended_ms = INT64_MAX / 2},
               boot(1e6));
  EXPECT_EQ(closing.next(at(1e6 + 1)), Action::kNone);
  closing.read({.kind = Kind::kClosing, .judge = other_, .offsets = {}}, boot(1e6 + 2));
  EXPECT_EQ(closing.next(at(1e6 + 122)), Action::kWriteMarks);
}

TEST_F(ClosingTest, MarksWaitTwoMinutesAfterTheFirstClosingWasRead) {
  read(Kind::kClosing, 10, {1, 2});
  EXPECT_EQ(next(129.999), Action::kNone);
  read(Kind::kClosing, 129, {8, 9});  // the first is final
  EXPECT_EQ(next(130), Action::kWriteMarks);
  EXPECT_EQ(closing_.phase(), ContestPhase::kMarking);
  EXPECT_THAT(closing_.closing_offsets(), ElementsAre(1, 2));
}

TEST_F(ClosingTest, MarksAreWrittenAgainUntilTheyAreThere) {
  read(Kind::kClosing, 0);
  EXPECT_EQ(next(120), Action::kWriteMarks);
  EXPECT_EQ(next(125), Action::kNone);
  EXPECT_EQ(next(130), Action::kWriteMarks);
  closing_.marks_are_written();
  EXPECT_EQ(next(131), Action::kWriteClosed);
  EXPECT_EQ(next(132), Action::kNone);
  EXPECT_EQ(next(141), Action::kWriteClosed);
}

TEST_F(ClosingTest, TheFirstClosedIsFinalAndEndsAllWork) {
  read(Kind::kClosing, 0, {1, 2});
  read(Kind::kClosed, 1, {5, 6});
  read(Kind::kClosed, 2, {7, 8});
  EXPECT_EQ(closing_.phase(), ContestPhase::kClosed);
  EXPECT_THAT(closing_.closed_offsets(), ElementsAre(5, 6));
  EXPECT_EQ(next(1000), Action::kNone);
  EXPECT_EQ(closing_.lease_until(), base::Nanos::min());
}

TEST_F(ClosingTest, ClosedWithoutClosingIsNoJudges) {
  read(Kind::kClosed, 1, {5, 6});
  EXPECT_EQ(closing_.phase(), ContestPhase::kOpen);
}

TEST_F(ClosingTest, TwoMinutesOutlastALeaseOfAMinuteAtAnyDriftBelowAThird) {
  // The judge's clock is as slow, and the marker's as fast, as a drift of a third allows.
  const double lease_s = Closing::kLease.count() / (1 - 1.0 / 3);
  const double delay_s = Closing::kMarkDelay.count() / (1 + 1.0 / 3);
  EXPECT_LE(lease_s, delay_s);
}

}  // namespace
}  // namespace estadio
