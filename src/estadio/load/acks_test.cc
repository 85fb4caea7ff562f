#include "estadio/load/acks.h"

#include <algorithm>
#include <deque>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "estadio/contest/test_world.h"

namespace estadio::load {
namespace {

constexpr std::string_view kId = "01934f5a-7c00-7abc-8def-0123456789ab";

class AcksTest : public testing::Test {
 protected:
  [[nodiscard]] std::string content() const { return test::read_file(path_); }

  test::HandClock clock_;
  test::TempFolder folder_;
  const std::string path_ = folder_ / "acks";
};

TEST_F(AcksTest, ALineForEachEntry) {
  auto file = AckFile::create(path_);
  ASSERT_TRUE(file);
  AckWriter writer(*file, clock_);
  const std::string_view facts = R"(,"faculty":"Letras","discipline":1)";
  ASSERT_TRUE(writer.add({.id = kId, .outcome = "winner", .facts = facts}));
  ASSERT_TRUE(writer.add({.id = kId, .outcome = {}, .facts = facts}));
  ASSERT_TRUE(writer.add({.id = kId, .outcome = {}, .facts = {}}));
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(content(),
            "{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\",\"outcome\":\"winner\","
            "\"faculty\":\"Letras\",\"discipline\":1}\n"
            "{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\",\"faculty\":\"Letras\","
            "\"discipline\":1}\n"
            "{\"id\":\"01934f5a-7c00-7abc-8def-0123456789ab\"}\n");
}

TEST_F(AcksTest, LinesAreWrittenWhenTheLastWriteIsAWhileAgo) {
  auto file = AckFile::create(path_);
  ASSERT_TRUE(file);
  AckWriter writer(*file, clock_);
  ASSERT_TRUE(writer.add({.id = kId, .outcome = {}, .facts = {}}));
  EXPECT_EQ(content(), "");
  clock_.now += std::chrono::seconds(1);
  ASSERT_TRUE(writer.add({.id = kId, .outcome = {}, .facts = {}}));
  const std::string both = content();
  EXPECT_EQ(std::ranges::count(both, '\n'), 2);
  ASSERT_TRUE(writer.add({.id = kId, .outcome = {}, .facts = {}}));
  EXPECT_EQ(content(), both);
}

TEST_F(AcksTest, AnOldFileIsEmptied) {
  test::write_file(path_, "old");
  ASSERT_TRUE(AckFile::create(path_));
  EXPECT_EQ(content(), "");
}

TEST_F(AcksTest, LinesOfSeveralThreadsStayWholeAndAllArrive) {
  constexpr int kThreads = 4;
  constexpr int kLines = 20'000;
  auto file = AckFile::create(path_);
  ASSERT_TRUE(file);
  {
    std::deque<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        AckWriter writer(*file, clock_);
        for (int i = 0; i < kLines; ++i)
          ASSERT_TRUE(writer.add({.id = kId, .outcome = "loser", .facts = {}}));
        ASSERT_TRUE(writer.flush());
      });
    }
  }
  std::istringstream lines(content());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    ASSERT_EQ(line, R"({"id":"01934f5a-7c00-7abc-8def-0123456789ab","outcome":"loser"})");
  }
  EXPECT_EQ(count, kThreads * kLines);
}

TEST_F(AcksTest, AFileThatCannotBeMadeIsNamed) {
  const auto file = AckFile::create("/nowhere/acks");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(file.error().message(), testing::HasSubstr("/nowhere/acks"));
}

TEST_F(AcksTest, AFullDiskIsAnError) {
  auto file = AckFile::create("/dev/full");
  if (!file) GTEST_SKIP() << "/dev/full cannot be opened: " << file.error().message();
  AckWriter writer(*file, clock_);
  base::Result<void> result;
  // The error comes when lines are written, at the latest with flush().
  for (int i = 0; i < 100'000 && result; ++i)
    result = writer.add({.id = kId, .outcome = "winner", .facts = {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kResourceExhausted);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace estadio::load
