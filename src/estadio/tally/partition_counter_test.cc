#include "estadio/tally/partition_counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"
#include "estadio/score/rocks_score_book.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};

// Passes calls to a book that a test may replace.
class ReplacedBook final : public ScoreBook {
 public:
  base::Result<CommitOutcome> commit(const ScoreCommit& commit) override {
    return book->commit(commit);
  }
  base::Result<Score> read() const override { return book->read(); }

  std::unique_ptr<RocksScoreBook> book;
};

// Counts a log that can lose its end.
class PartitionCounterTest : public testing::Test {
 protected:
  void SetUp() override { book_.book = RocksScoreBook::open(folder_ / "score", contest_).value(); }
  void append(std::uint64_t records, std::int64_t time_ms = test::TestClock::kStartMs) {
    for (std::uint64_t i = 0; i < records; ++i) {
      std::string line = records_.line(Outcome::kWinner, next_number_++);
      line.pop_back();
      log_.add(kWinners0, line, time_ms);
    }
  }
  void start() {
    auto started = counter_.start();
    ASSERT_TRUE(started) << started.error().message();
    reader_ = *std::move(started);
  }
  void gather() {
    std::stop_source stop;
    stop.request_stop();  // gather() does not wait
    const auto gathered = counter_.gather(*reader_, stop.get_token());
    ASSERT_TRUE(gathered) << gathered.error().message();
  }
  base::Result<bool> commit() { return counter_.commit(reader_->position()); }
  void count(std::uint64_t records) {
    append(records);
    gather();
    const auto applied = commit();
    ASSERT_TRUE(applied) << applied.error().message();
    ASSERT_TRUE(*applied);
  }
  [[nodiscard]] bool has_log_gone_back() const {
    Tally::Stats stats;
    counter_.add_to(stats);
    return stats.has_log_gone_back;
  }
  template <class T>
  void expect_went_back(const base::Result<T>& result, std::string_view why) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), base::Code::kCorruption);
    EXPECT_THAT(result.error().message(),
                AllOf(HasSubstr(std::string(why)), HasSubstr("estadio repair --apply")));
    EXPECT_TRUE(has_log_gone_back());
  }
  std::int64_t position() const { return book_.read()->position(kWinners0); }

  const Contest contest_ = Contest::defaults();
  test::TempFolder folder_;
  test::NumberedRecords records_;
  std::uint64_t next_number_ = 0;
  test::MemoryLog log_{1};
  ReplacedBook book_;
  IdMemory memory_{{.folder = folder_.path()}};
  test::TestClock clock_;
  test::CapturedLog captured_;
  const Tally::Options options_{.commit_every = std::chrono::nanoseconds(0)};
  const Tally::Dependencies deps_{.contest = contest_,
                                  .events = log_,
                                  .scores = book_,
                                  .retry = RetryRule(std::chrono::minutes(10)),
                                  .memory = memory_,
                                  .clock = clock_,
                                  .log = captured_.logger()};
  PartitionCounter counter_{options_, deps_, kWinners0, nullptr};
  std::unique_ptr<PartitionReader> reader_;
};

TEST_F(PartitionCounterTest, TheBookHoldsTheChainOfTheCountedRecords) {
  start();
  count(5);
  count(2);
  const auto again = log_.read_from(kWinners0, 0).value();
  std::vector<LoggedRecord> records;
  ASSERT_TRUE(again->read(records, {}));
  RecordChain chain;
  chain.add(records);
  const Score score = book_.read().value();
  ASSERT_NE(score.find(kWinners0), nullptr);
  EXPECT_EQ(score.find(kWinners0)->next_offset, 7);
  EXPECT_EQ(score.find(kWinners0)->chain, chain);
}

TEST_F(PartitionCounterTest, WhatIsBehindTheEndMarkNeverCountsAlsoAfterANewStart) {
  start();
  append(2);
  log_.add(kWinners0, std::string(RecordFormat::kEndMark));
  count(3);  // three more
  EXPECT_EQ(book_.read()->total(), 2);
  EXPECT_EQ(book_.read()->not_counted.after_end, 4);
  EXPECT_EQ(book_.read()->find(kWinners0)->end_mark, 2);
  start();  // behind the mark
  count(2);
  const Score score = book_.read().value();
  EXPECT_EQ(score.total(), 2);
  EXPECT_EQ(score.not_counted.after_end, 6);
  EXPECT_EQ(score.find(kWinners0)->end_mark, 2);
  EXPECT_EQ(score.records(), 8);
}

TEST_F(PartitionCounterTest, ALogThatGrewAgainBeforeTheStartIsNotCounted) {
  start();
  count(5);
  log_.lose_end(kWinners0, 3);
  append(10);
  expect_went_back(counter_.start(), "winners-0: at offset 4 the log holds another record");
  EXPECT_EQ(position(), 5);
}

TEST_F(PartitionCounterTest, ALogThatIsShorterThanTheScoreIsNotCounted) {
  start();
  count(5);
  log_.lose_end(kWinners0, 4);
  expect_went_back(counter_.start(), "the log has lost its end");
}

// The reader goes on at its offset and sees nothing.
TEST_F(PartitionCounterTest, ALogThatGrewAgainBetweenCommitAndReadIsNotCounted) {
  start();
  count(5);
  log_.lose_end(kWinners0, 3);
  append(10);
  gather();
  expect_went_back(commit(), "at offset 4 the log holds another record");
  EXPECT_EQ(position(), 5);
}

TEST_F(PartitionCounterTest, ALossBetweenReadAndCommitIsFoundByTheNextCommit) {
  start();
  count(5);
  append(5);
  gather();
  log_.lose_end(kWinners0, 7);
  append(10);
  ASSERT_TRUE(commit().value());
  gather();
  expect_went_back(commit(), "at offset 9 the log holds another record");
  EXPECT_EQ(position(), 10);
}

TEST_F(PartitionCounterTest, ALossIsFoundWithoutNewRecords) {
  start();
  count(5);
  EXPECT_TRUE(counter_.is_at_books_position().value());
  log_.lose_end(kWinners0, 4);
  expect_went_back(counter_.is_at_books_position(), "the log has lost its end");
  append(1);
  expect_went_back(counter_.is_at_books_position(), "at offset 4 the log holds another record");
}

// The same entries were sent again: offset and line are the same, and the time is not.
TEST_F(PartitionCounterTest, TheSameLineOfAnotherTimeIsAnotherRecord) {
  start();
  count(5);
  log_.lose_end(kWinners0, 4);
  next_number_ = 4;
  append(2, test::TestClock::kStartMs + 1);
  gather();
  expect_went_back(commit(), "at offset 4 the log holds another record");
}

// Another process counted the score again meanwhile.
TEST_F(PartitionCounterTest, ACounterStartsAgainFromARepairedScore) {
  start();
  count(5);
  log_.lose_end(kWinners0, 3);
  append(10);
  gather();
  book_.book.reset();
  ASSERT_TRUE(RocksScoreBook::replace(folder_ / "score", Score()));
  book_.book = RocksScoreBook::open(folder_ / "score", contest_).value();
  EXPECT_FALSE(commit().value());
  start();
  gather();
  EXPECT_TRUE(*commit());
  EXPECT_EQ(book_.book->read()->position(kWinners0), 13);
}

TEST_F(PartitionCounterTest, CountingGoesOnOnceTheLogIsAsItWas) {
  start();
  count(5);
  log_.lose_end(kWinners0, 4);
  expect_went_back(counter_.start(), "the log has lost its end");
  next_number_ = 4;
  append(1);
  start();
  EXPECT_FALSE(has_log_gone_back());
  count(2);
  EXPECT_EQ(position(), 7);
}

}  // namespace
}  // namespace estadio
