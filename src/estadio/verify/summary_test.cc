#include "estadio/verify/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace estadio {
namespace {

using testing::HasSubstr;

Summary example() {
  return {.program = "estadio 1.2.3",
          .proved_at_ms = 1'790'000'000'000,
          .contest = "Olimpiadas \"2026\"",
          .started_at_ms = 1'789'000'000'000,
          .retry_window_ms = 600'000,
          .coin_commitment = std::string(64, 'a'),
          .coin_seed = std::string(32, '7'),
          .not_counted = {.repeated = 3, .not_in_time = 1},
          .counts = {{.faculty = "Ingeniería",
                      .discipline_id = 2,
                      .outcome = Outcome::kLoser,
                      .count = 75'000}},
          .partitions = {{.id = {.topic = Outcome::kLoser, .number = 1},
                          .next_offset = 75'004,
                          .sha256 = std::string(64, '0')}}};
}

class SummaryTest : public testing::Test {
 protected:
  base::Result<Summary> read(const std::string& text) {
    base::test::write_file(path_, text);
    return Summary::from_file(path_);
  }

  base::test::TempFolder folder_;
  const std::string path_ = folder_ / "summary.json";
};

TEST_F(SummaryTest, ComesBackAsItWasWritten) {
  const Summary written = example();
  const auto summary = read(written.to_json());
  ASSERT_TRUE(summary) << summary.error().message();
  EXPECT_EQ(summary->program, written.program);
  EXPECT_EQ(summary->proved_at_ms, written.proved_at_ms);
  EXPECT_EQ(summary->contest, written.contest);
  EXPECT_EQ(summary->started_at_ms, written.started_at_ms);
  EXPECT_EQ(summary->retry_window_ms, written.retry_window_ms);
  EXPECT_EQ(summary->coin_commitment, written.coin_commitment);
  EXPECT_EQ(summary->coin_seed, written.coin_seed);
  EXPECT_EQ(summary->not_counted, written.not_counted);
  EXPECT_EQ(summary->counts, written.counts);
  EXPECT_EQ(summary->partitions, written.partitions);
  EXPECT_NE(summary->find({.topic = Outcome::kLoser, .number = 1}), nullptr);
  EXPECT_EQ(summary->find({.topic = Outcome::kWinner, .number = 1}), nullptr);
}

TEST_F(SummaryTest, AnEmptyContestHasOneToo) {
  Summary empty = example();
  empty.counts.clear();
  empty.partitions.clear();
  const auto summary = read(empty.to_json());
  ASSERT_TRUE(summary) << summary.error().message();
  EXPECT_TRUE(summary->counts.empty() && summary->partitions.empty());
}

TEST_F(SummaryTest, AWrongMemberIsNamed) {
  const std::string good = example().to_json();
  const auto with = [&](std::string_view old, std::string_view replacement) {
    std::string text = good;
    const auto at = text.find(old);
    EXPECT_NE(at, std::string::npos) << old;
    return text.replace(at, old.size(), replacement);
  };
  for (const auto& [text, fault] :
       {std::pair(std::string(), "not a summary"), std::pair(std::string("[]"), "not a summary"),
        std::pair(good.substr(0, good.size() / 2), "not a summary"),
        std::pair(with("\"estadio_summary\":1", "\"estadio_summary\":2"), "format 1"),
        std::pair(with("\"program\"", "\"programme\""), "program: expected a text"),
        std::pair(with("\"repeated\":3", "\"repeated\":-3"), "repeated: expected a whole number"),
        std::pair(with("\"count\":75000", "\"count\":7.5"), "counts[0].count"),
        std::pair(with("\"loser\"", "\"lost\""), "counts[0].outcome: expected winner or loser"),
        std::pair(with("\"losers\"", "\"lost\""), "partitions[0].topic: expected winners"),
        std::pair(with("\"partition\":1", "\"partition\":256"), "partitions[0].partition"),
        std::pair(with(std::string(64, '0'), std::string(63, '0')), "partitions[0].sha256"),
        std::pair(with(std::string(64, 'a'), std::string(64, 'g')), "coin_commitment")}) {
    const auto summary = read(text);
    ASSERT_FALSE(summary) << text;
    EXPECT_EQ(summary.error().code(), base::Code::kInvalidArgument);
    EXPECT_THAT(summary.error().message(), HasSubstr(path_));
    EXPECT_THAT(summary.error().message(), HasSubstr(fault));
  }
  EXPECT_FALSE(Summary::from_file(path_ + ".none"));
}

// The values are those of sha256sum.
TEST(PartitionDigestTest, IsTheDigestOfOffsetTimeAndLine) {
  PartitionDigest digest;
  EXPECT_EQ(digest.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  digest.add({.offset = 0, .time_ms = 1'790'000'000'000, .line = R"({"id":"x"})"});
  const std::string first = digest.hex();
  EXPECT_EQ(first, "71bc1d417289ef23397051460efa514fc370c430baf91ab0c319d96ef9263556");
  digest.add({.offset = 1, .time_ms = 1'790'000'000'001, .line = "é"});
  EXPECT_EQ(digest.hex(), "da039b0e363c3b4a7270e11866fe07efc5fe62de122e01bb6028e00eef327257");
}

}  // namespace
}  // namespace estadio
