#include "estadio/log/acknowledged_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_TRUE(ends_.advance(kWinners1, 0));
  EXPECT_TRUE(ends_.advance(kWinners1, 1));
  // Others wrote between.
  EXPECT_TRUE(ends_.advance(kWinners1, 7));
  EXPECT_EQ(ends_.end(kWinners1), 8);
  EXPECT_EQ(ends_.end(kLosers0), 0);
  EXPECT_FALSE(ends_.has_lost());
}

TEST_F(AcknowledgedEndsTest, AnOffsetBeforeTheEndIsALossThatStays) {
  EXPECT_TRUE(ends_.advance(kWinners1, 7));
  EXPECT_FALSE(ends_.advance(kWinners1, 7));
  EXPECT_TRUE(ends_.has_lost());
  EXPECT_EQ(ends_.end(kWinners1), 8);
  EXPECT_TRUE(ends_.advance(kWinners1, 8));
  EXPECT_TRUE(ends_.has_lost());
}

TEST_F(AcknowledgedEndsTest, OnlyTheFirstLossIsLogged) {
  ends_.note_lost(kWinners1);
  ends_.note_lost(kLosers0);
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("Kafka has lost results"), HasSubstr("a.winners-1"),
                                 Not(HasSubstr("a.losers-0"))));
}

}  // namespace
}  // namespace estadio
