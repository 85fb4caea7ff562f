#include "estadio/log/acknowledged_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr PartitionId kWinners1{.topic = Outcome::kWinner, .number = 1};
constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};

class AcknowledgedEndsTest : public testing::Test {
 protected:
  test::CapturedLog log_;
  AcknowledgedEnds ends_{KafkaTopics{.prefix = "a."}, 2, log_.logger()};
};

TEST_F(AcknowledgedEndsTest, EachPartitionHasAnEndThatGrows) {
  EXPECT_TRUE(ends_.advance(kWinners1, 0, "line 0"));
  EXPECT_TRUE(ends_.advance(kWinners1, 1, "line 1"));
  // Others wrote between.
  EXPECT_TRUE(ends_.advance(kWinners1, 7, "line 7"));
  EXPECT_EQ(ends_.end(kWinners1), 8);
  EXPECT_EQ(ends_.end(kLosers0), 0);
  EXPECT_FALSE(ends_.has_lost());
}

TEST_F(AcknowledgedEndsTest, AnOffsetBeforeTheEndIsALossThatStays) {
  EXPECT_TRUE(ends_.advance(kWinners1, 7, "line 7"));
  EXPECT_FALSE(ends_.advance(kWinners1, 7, "line 7"));
  EXPECT_TRUE(ends_.has_lost());
  EXPECT_EQ(ends_.end(kWinners1), 8);
  EXPECT_TRUE(ends_.advance(kWinners1, 8, "line 8"));
  EXPECT_TRUE(ends_.has_lost());
}

TEST_F(AcknowledgedEndsTest, TheLastRecordIsKeptWithItsLine) {
  EXPECT_FALSE(ends_.last(kWinners1).has_value());
  EXPECT_TRUE(ends_.advance(kWinners1, 0, "first"));
  EXPECT_TRUE(ends_.advance(kWinners1, 7, "last"));
  ASSERT_TRUE(ends_.last(kWinners1).has_value());
  EXPECT_EQ(ends_.last(kWinners1)->offset, 7);
  EXPECT_EQ(ends_.last(kWinners1)->digest, AcknowledgedEnds::digest_of("last"));
  EXPECT_NE(ends_.last(kWinners1)->digest, AcknowledgedEnds::digest_of("first"));
  EXPECT_FALSE(ends_.last(kLosers0).has_value());
}

TEST_F(AcknowledgedEndsTest, AnotherThreadReadsOffsetAndLineOfOneRecord) {
  std::atomic<bool> is_done = false;
  std::jthread writer([&] {
    for (std::int64_t offset = 0; offset < 100'000; ++offset) {
      if (!ends_.advance(kWinners1, offset, std::to_string(offset))) break;
    }
    is_done = true;
  });
  std::int64_t seen = -1;
  while (!is_done) {
    const auto last = ends_.last(kWinners1);
    if (!last) continue;
    ASSERT_GE(last->offset, seen);
    seen = last->offset;
    ASSERT_EQ(last->digest, AcknowledgedEnds::digest_of(std::to_string(seen)));
  }
}

TEST_F(AcknowledgedEndsTest, OnlyTheFirstLossIsLogged) {
  ends_.note_lost(kWinners1);
  ends_.note_lost(kLosers0);
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("Kafka has lost results"), HasSubstr("a.winners-1"),
                                 Not(HasSubstr("a.losers-0"))));
}

}  // namespace
}  // namespace estadio
