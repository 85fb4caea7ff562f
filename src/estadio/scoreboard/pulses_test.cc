#include "estadio/scoreboard/pulses.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

namespace estadio {
namespace {

constexpr std::int64_t kStartMs = 1'790'000'000'000;

class PulsesTest : public testing::Test {
 protected:
  void accept(std::uint64_t entries, std::chrono::nanoseconds latency) {
    const std::vector<std::chrono::nanoseconds> latencies = {latency};
    vitals_.accepted(latencies, entries, 0);
  }
  [[nodiscard]] boost::json::value pulse(std::uint64_t number) const {
    const auto text = pulses_.at(number);
    EXPECT_TRUE(text) << number;
    return text ? boost::json::parse(*text) : boost::json::value();
  }

  Vitals vitals_;
  std::int64_t uncounted_ = 0;
  Pulses pulses_{vitals_, [this] { return uncounted_; }};
};

TEST_F(PulsesTest, AreTakenOnceASecond) {
  pulses_.advance(kStartMs);
  EXPECT_EQ(pulses_.count(), 1U);
  pulses_.advance(kStartMs + 999);
  EXPECT_EQ(pulses_.count(), 1U);
  pulses_.advance(kStartMs + 1000);
  EXPECT_EQ(pulses_.count(), 2U);
  EXPECT_FALSE(pulses_.at(2));
}

TEST_F(PulsesTest, TellRateLatencyAndWhatIsUncounted) {
  accept(1'000'000, std::chrono::milliseconds(1));
  pulses_.advance(kStartMs);
  EXPECT_EQ(pulse(0).at("rate").to_number<double>(), 0) << "the first has nothing to compare with";
  accept(300, std::chrono::milliseconds(4));
  vitals_.rejected();
  uncounted_ = 12;
  pulses_.advance(kStartMs + 2000);
  const auto second = pulse(1);
  EXPECT_EQ(second.at("at_ms").as_int64(), kStartMs + 2000);
  EXPECT_EQ(second.at("rate").to_number<double>(), 150);
  EXPECT_NEAR(second.at("p99_ms").to_number<double>(), 4, 0.1);
  EXPECT_EQ(second.at("accepted").as_int64(), 1'000'300);
  EXPECT_EQ(second.at("rejected").as_int64(), 1);
  EXPECT_EQ(second.at("uncounted").as_int64(), 12);
  pulses_.advance(kStartMs + 3000);
  EXPECT_TRUE(pulse(2).at("p99_ms").is_null()) << "nothing was answered in that second";
}

TEST_F(PulsesTest, AreKeptForFiveMinutes) {
  for (std::int64_t i = 0; i < 310; ++i) pulses_.advance(kStartMs + i * 1000);
  EXPECT_EQ(pulses_.count(), 310U);
  EXPECT_FALSE(pulses_.at(9));
  EXPECT_EQ(pulse(10).at("at_ms").as_int64(), kStartMs + 10'000);
  const auto all = boost::json::parse(pulses_.all()).as_array();
  ASSERT_EQ(all.size(), Pulses::kKept);
  EXPECT_EQ(all[0].at("at_ms").as_int64(), kStartMs + 10'000);
  EXPECT_EQ(all[299].at("at_ms").as_int64(), kStartMs + 309'000);
}

TEST_F(PulsesTest, NoneYetIsAnEmptyArray) { EXPECT_EQ(pulses_.all(), "[]"); }

TEST_F(PulsesTest, GoOnWhenTheClockGoesBack) {
  pulses_.advance(kStartMs);
  accept(10, std::chrono::milliseconds(1));
  pulses_.advance(kStartMs - 3'600'000);
  EXPECT_EQ(pulses_.count(), 2U);
  EXPECT_EQ(pulse(1).at("rate").to_number<double>(), 0);
  accept(10, std::chrono::milliseconds(1));
  pulses_.advance(kStartMs - 3'600'000 + 1000);
  EXPECT_EQ(pulse(2).at("rate").to_number<double>(), 10);
}

}  // namespace
}  // namespace estadio
