#include "estadio/scoreboard/stats_history.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <utility>

namespace estadio {
namespace {

constexpr std::int64_t kStartMs = 1'790'000'000'000;

class StatsHistoryTest : public testing::Test {
 protected:
  void accept(std::uint64_t entries, std::chrono::nanoseconds latency) {
    accepted_ += entries;
    recent_.record(latency);
  }
  std::optional<StatsHistory::Figures> figures() {
    if (is_away_) return std::nullopt;
    return StatsHistory::Figures{.accepted = accepted_,
                                 .rejected = rejected_,
                                 .recent_latencies = std::exchange(recent_, base::Histogram()),
                                 .lag = lag_};
  }
  [[nodiscard]] boost::json::value point(std::uint64_t number) const {
    const auto text = history_.at(number);
    EXPECT_TRUE(text) << number;
    return text ? boost::json::parse(*text) : boost::json::value();
  }

  std::uint64_t accepted_ = 0;
  std::uint64_t rejected_ = 0;
  std::int64_t lag_ = 0;
  base::Histogram recent_;
  bool is_away_ = false;
  StatsHistory history_{[this] { return figures(); }};
};

TEST_F(StatsHistoryTest, HasAPointEachSecond) {
  history_.advance(kStartMs);
  EXPECT_EQ(history_.count(), 1U);
  history_.advance(kStartMs + 999);
  EXPECT_EQ(history_.count(), 1U);
  history_.advance(kStartMs + 1000);
  EXPECT_EQ(history_.count(), 2U);
  EXPECT_FALSE(history_.at(2));
}

TEST_F(StatsHistoryTest, PointsHaveRateLatencyAndLag) {
  accept(1'000'000, std::chrono::milliseconds(1));
  history_.advance(kStartMs);
  EXPECT_EQ(point(0).at("rate").to_number<double>(), 0) << "the first has nothing to compare with";
  accept(300, std::chrono::milliseconds(4));
  rejected_ = 1;
  lag_ = 12;
  history_.advance(kStartMs + 2000);
  const auto second = point(1);
  EXPECT_EQ(second.at("at_ms").as_int64(), kStartMs + 2000);
  EXPECT_EQ(second.at("rate").to_number<double>(), 150);
  EXPECT_NEAR(second.at("p99_ms").to_number<double>(), 4, 0.1);
  EXPECT_EQ(second.at("accepted").as_int64(), 1'000'300);
  EXPECT_EQ(second.at("rejected").as_int64(), 1);
  EXPECT_EQ(second.at("lag").as_int64(), 12);
  history_.advance(kStartMs + 3000);
  EXPECT_TRUE(point(2).at("p99_ms").is_null()) << "nothing was answered in that second";
}

TEST_F(StatsHistoryTest, UnknownFiguresAreNull) {
  StatsHistory history([]() -> std::optional<StatsHistory::Figures> {
    return StatsHistory::Figures{
        .accepted = 5, .rejected = std::nullopt, .recent_latencies = std::nullopt, .lag = 2};
  });
  history.advance(kStartMs);
  EXPECT_EQ(history.at(0),
            R"({"at_ms":1790000000000,"rate":0,"p99_ms":null,"accepted":5,"rejected":null,)"
            R"("lag":2})");
}

TEST_F(StatsHistoryTest, ATimeWithoutFiguresHasNoPointAndCountsForTheNextRate) {
  history_.advance(kStartMs);
  is_away_ = true;
  for (std::int64_t i = 1; i < 10; ++i) history_.advance(kStartMs + i * 1000);
  EXPECT_EQ(history_.count(), 1U);
  is_away_ = false;
  accept(500, std::chrono::milliseconds(1));
  history_.advance(kStartMs + 10'000);
  EXPECT_EQ(point(1).at("rate").to_number<double>(), 50);
}

TEST_F(StatsHistoryTest, ACountThatGoesBackGivesARateOf0) {
  accept(1000, std::chrono::milliseconds(1));
  history_.advance(kStartMs);
  accepted_ = 10;
  history_.advance(kStartMs + 1000);
  EXPECT_EQ(point(1).at("rate").to_number<double>(), 0);
  EXPECT_EQ(point(1).at("accepted").as_int64(), 10);
  accept(30, std::chrono::milliseconds(1));
  history_.advance(kStartMs + 2000);
  EXPECT_EQ(point(2).at("rate").to_number<double>(), 30);
}

TEST_F(StatsHistoryTest, KeepsFiveMinutes) {
  for (std::int64_t i = 0; i < 310; ++i) history_.advance(kStartMs + i * 1000);
  EXPECT_EQ(history_.count(), 310U);
  EXPECT_FALSE(history_.at(9));
  EXPECT_EQ(point(10).at("at_ms").as_int64(), kStartMs + 10'000);
  const auto all = boost::json::parse(history_.all()).as_array();
  ASSERT_EQ(all.size(), StatsHistory::kKept);
  EXPECT_EQ(all[0].at("at_ms").as_int64(), kStartMs + 10'000);
  EXPECT_EQ(all[299].at("at_ms").as_int64(), kStartMs + 309'000);
}

TEST_F(StatsHistoryTest, IsAnEmptyArrayAtFirst) { EXPECT_EQ(history_.all(), "[]"); }

TEST_F(StatsHistoryTest, GoesOnWhenTheClockGoesBack) {
  history_.advance(kStartMs);
  accept(10, std::chrono::milliseconds(1));
  history_.advance(kStartMs - 3'600'000);
  EXPECT_EQ(history_.count(), 2U);
  EXPECT_EQ(point(1).at("rate").to_number<double>(), 0);
  accept(10, std::chrono::milliseconds(1));
  history_.advance(kStartMs - 3'600'000 + 1000);
  EXPECT_EQ(point(2).at("rate").to_number<double>(), 10);
}

}  // namespace
}  // namespace estadio
