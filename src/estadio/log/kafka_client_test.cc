#include "estadio/log/kafka_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(KafkaDeadlineTest, WhatIsLeftShrinksToOneMillisecond) {
  test::HandClock clock;
  const KafkaDeadline deadline(clock, milliseconds(500));
  EXPECT_EQ(deadline.left_ms(), 500);
  clock.now += milliseconds(400);
  EXPECT_EQ(deadline.left_ms(), 100);
  EXPECT_FALSE(deadline.has_passed());
  clock.now += milliseconds(100);
  EXPECT_TRUE(deadline.has_passed());
  EXPECT_EQ(deadline.left_ms(), 1);
  clock.now += milliseconds(1000);
  EXPECT_EQ(deadline.left_ms(), 1);
}

TEST(KafkaPropertiesTest, LinesOfKeyAndValueAreRead) {
  const test::TempFolder folder;
  test::write_file(folder / "file",
                   "# how to get in\nsecurity.protocol = SASL_SSL\n\nsasl.password=a=b c\r\n");
  const auto properties = read_kafka_properties(folder / "file");
  ASSERT_TRUE(properties) << properties.error().message();
  EXPECT_EQ(*properties, (std::map<std::string, std::string>{{"security.protocol", "SASL_SSL"},
                                                             {"sasl.password", "a=b c"}}));
}

TEST(KafkaPropertiesTest, WhatIsWrongIsNamedByItsLineAndSecretsAreNotShown) {
  const test::TempFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"security.protocol=SSL\nnonsense\n", "file:2: expected KEY=VALUE"},
      {"acks=1\n", "file:1: 'acks' cannot be set"},
      {"enable.idempotence=false\n", "file:1: 'enable.idempotence' cannot be set"},
      {"sasl.password=secret\nsasl.password=secret2\n",
       "file:2: 'sasl.password' is set twice: keep one of the lines"},
  };
  for (const auto& [text, expected] : cases) {
    test::write_file(folder / "file", text);
    const auto properties = read_kafka_properties(folder / "file");
    ASSERT_FALSE(properties) << text;
    EXPECT_EQ(properties.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(properties.error().message(), AllOf(HasSubstr(expected), Not(HasSubstr("secret"))));
  }
  EXPECT_FALSE(read_kafka_properties(folder / "none"));
}

}  // namespace
}  // namespace estadio
