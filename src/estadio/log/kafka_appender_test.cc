#include "estadio/log/kafka_appender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "estadio/contest/test_world.h"
#include "estadio/log/kafka_offsets.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

using testing::HasSubstr;

constexpr int kPartitions = 2;
constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};

// An appender whose cluster has no broker.
class KafkaAppenderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::KafkaBroker::client_skip_reason()) GTEST_SKIP() << *why;
    auto opened = KafkaAppender::open({.cluster = {.brokers = "127.0.0.1:1", .properties = {}},
                                       .topics = {},
                                       .delivery_timeout = std::chrono::milliseconds(200)},
                                      {.health = health_, .clock = clock_, .log = log_.logger()});
    ASSERT_TRUE(opened) << opened.error().message();
    appender_ = *std::move(opened);
    ASSERT_TRUE(appender_->start(ends_));
  }

  base::Result<void> append(std::uint64_t number) {
    RecordBatch batch(kPartitions);
    records_.add(batch, kWinners0, number);
    std::promise<base::Result<void>> promise;
    auto result = promise.get_future();
    appender_->append(batch,
                      [&](base::Result<void> outcome) { promise.set_value(std::move(outcome)); });
    return result.get();
  }

  base::SystemClock clock_;
  test::CapturedLog log_;
  test::NumberedRecords records_;
  BrokerHealth health_{"127.0.0.1:1", clock_, log_.logger()};
  AcknowledgedEnds ends_{KafkaTopics(), kPartitions, log_.logger()};
  std::unique_ptr<KafkaAppender> appender_;
};

TEST_F(KafkaAppenderTest, RecordsThatNoBrokerTakesInTimeAreRefusedAndCounted) {
  const auto refused = append(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(appender_->stats().failed, 1U);
  EXPECT_EQ(appender_->stats().records, 0U);
  EXPECT_TRUE(test::eventually([&] { return health_.is_away(); }));
}

TEST_F(KafkaAppenderTest, NothingIsTakenOnceKafkaHasLostResults) {
  ends_.note_lost(kWinners0);
  const auto refused = append(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr("has lost results"));
  EXPECT_EQ(appender_->stats().failed, 0U);
}

TEST_F(KafkaAppenderTest, StoppingAnswersWhatWasAppendedAndTakesNoMore) {
  RecordBatch batch(kPartitions);
  records_.add(batch, kWinners0, 1);
  std::atomic<int> answers = 0;
  appender_->append(batch, [&](const base::Result<void>&) { ++answers; });
  appender_->stop();
  EXPECT_EQ(answers, 1);
  const auto refused = append(2);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("closed"));
}

TEST_F(KafkaAppenderTest, WhileTheClusterIsAwayOffsetsAreNotWaitedFor) {
  KafkaOffsets offsets({}, {.appender = *appender_, .health = health_, .ends = ends_});
  ASSERT_TRUE(test::eventually([&] { return health_.is_away(); }));
  const auto end = offsets.end(kWinners0);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(end.error().message(), HasSubstr("winners-0: Kafka is away"));
}

}  // namespace
}  // namespace estadio
