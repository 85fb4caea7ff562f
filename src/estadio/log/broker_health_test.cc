#include "estadio/log/broker_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <librdkafka/rdkafka.h>

#include "estadio/contest/test_world.h"
#include "estadio/log/kafka_client.h"
#include "estadio/log/test_kafka.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class BrokerHealthTest : public testing::Test {
 protected:
  // How many lines of the log have `text`.
  [[nodiscard]] int lines_with(const std::string& text) const {
    const std::string all = log_.text();
    int count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }

  test::HandClock clock_;
  test::CapturedLog log_;
  BrokerHealth health_{"broker:9092", clock_, log_.logger()};
};

TEST_F(BrokerHealthTest, GoingAwayAndComingBackAreLoggedOnceEach) {
  EXPECT_FALSE(health_.is_away());
  health_.note_answer();
  for (int i = 0; i < 3; ++i) health_.note_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "");
  EXPECT_TRUE(health_.is_away());
  for (int i = 0; i < 3; ++i) health_.note_answer();
  EXPECT_FALSE(health_.is_away());
  EXPECT_EQ(lines_with("Kafka is away"), 1);
  EXPECT_EQ(lines_with("Kafka is back"), 1);
  EXPECT_THAT(log_.text(), HasSubstr("broker:9092"));
}

TEST_F(BrokerHealthTest, EachRefusalIsLoggedOnceAndIsNoAbsence) {
  for (int i = 0; i < 3; ++i) health_.note_error(RD_KAFKA_RESP_ERR__AUTHENTICATION, "no such user");
  EXPECT_EQ(lines_with("Kafka refuses this process"), 1);
  health_.note_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "");
  EXPECT_EQ(lines_with("Kafka refuses this process"), 2);
  EXPECT_FALSE(health_.is_away());
}

TEST_F(BrokerHealthTest, AnAbsentClusterIsProbedOnceASecond) {
  clock_.now += std::chrono::seconds(5);
  EXPECT_FALSE(health_.claim_probe());
  health_.note_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "");
  EXPECT_TRUE(health_.claim_probe());
  EXPECT_FALSE(health_.claim_probe());
  clock_.now += milliseconds(999);
  EXPECT_FALSE(health_.claim_probe());
  clock_.now += milliseconds(1);
  EXPECT_TRUE(health_.claim_probe());
  health_.note_answer();
  clock_.now += std::chrono::seconds(5);
  EXPECT_FALSE(health_.claim_probe());
}

TEST_F(BrokerHealthTest, AProbeThatNoBrokerAnswersNotesTheAbsence) {
  if (const auto why = test::KafkaBroker::client_skip_reason()) GTEST_SKIP() << *why;
  auto conf = kafka_conf({.brokers = "127.0.0.1:1", .properties = {}}, {});
  ASSERT_TRUE(conf);
  const auto client = kafka_producer(*std::move(conf));
  ASSERT_TRUE(client);
  health_.probe(**client);
  EXPECT_TRUE(health_.is_away());
}

}  // namespace
}  // namespace estadio
