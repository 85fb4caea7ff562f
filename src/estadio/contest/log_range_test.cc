#include "estadio/contest/log_range.h"

#include <gtest/gtest.h>

#include "estadio/contest/test_log.h"

namespace estadio {
namespace {

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};

class LogRangeTest : public testing::Test {
 protected:
  LogRangeTest() {
    for (int i = 0; i < 10; ++i) log_.add(kWinners0, std::to_string(i));
    log_.bound_reads([] { return 3; });
  }
  // Reads a range, and stops behind the record at `last`.
  base::Result<void> read(std::int64_t from, std::int64_t until, std::int64_t last = INT64_MAX) {
    read_.clear();
    return read_range(log_, {.partition = kWinners0, .from = from, .until = until}, is_cancelled_,
                      [&](std::span<const LoggedRecord> records) -> base::Result<ReadOn> {
                        for (const LoggedRecord& logged : records) {
                          read_ += logged.line;
                          if (logged.offset == last) return ReadOn::kStop;
                        }
                        return ReadOn::kGoOn;
                      });
  }

  test::MemoryLog log_{1};
  std::function<bool()> is_cancelled_;
  std::string read_;
};

TEST_F(LogRangeTest, ExactlyTheRecordsOfTheRangeAreRead) {
  ASSERT_TRUE(read(2, 7));
  EXPECT_EQ(read_, "23456");
  ASSERT_TRUE(read(0, 10));
  EXPECT_EQ(read_, "0123456789");
  ASSERT_TRUE(read(4, 4));
  EXPECT_EQ(read_, "");
}

TEST_F(LogRangeTest, ReadingStopsWhereItIsAskedTo) {
  ASSERT_TRUE(read(0, 10, 4));
  EXPECT_EQ(read_, "01234");
}

TEST_F(LogRangeTest, ALogThatReturnsNothingIsUnavailable) {
  const auto result = read(8, 12);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(read_, "89");
}

TEST_F(LogRangeTest, ACancellationEndsItBetweenTwoReads) {
  int reads = 0;
  is_cancelled_ = [&] { return reads++ == 2; };
  const auto result = read(0, 10);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kCancelled);
  EXPECT_EQ(read_, "012345");
}

}  // namespace
}  // namespace estadio
