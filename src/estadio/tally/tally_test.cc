#include "estadio/tally/tally.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <random>

#include "estadio/contest/coin.h"
#include "estadio/contest/test_world.h"
#include "estadio/log/disk_log.h"
#include "estadio/score/rocks_score_book.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kWinners1{.topic = Outcome::kWinner, .number = 1};
constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};
constexpr PartitionId kLosers1{.topic = Outcome::kLoser, .number = 1};
constexpr PartitionId kAll[] = {kWinners0, kWinners1, kLosers0, kLosers1};

// Passes calls to another book. A test can wait for commits and inject faults.
class FaultyScoreBook final : public ScoreBook {
 public:
  enum class Fault { kNone, kFailBefore, kFailAfter, kRefuse, kDie };
  using Faults = std::function<Fault(std::uint64_t commit)>;

  explicit FaultyScoreBook(ScoreBook& book) : book_(&book) {}

  // The fault of each commit from now on, counted from 0 over all partitions.
  void set_faults(Faults faults) {
    const std::scoped_lock lock(mutex_);
    faults_ = std::move(faults);
    commits_ = 0;
  }
  // Makes the next `count` reads fail.
  void fail_reads(int count) { failing_reads_ = count; }
  // Replaces the book below. The old one must still outlive this object.
  void swap(ScoreBook& book) { book_ = &book; }

  base::Result<CommitOutcome> commit(const ScoreCommit& commit) override {
    Fault fault = Fault::kNone;
    {
      const std::scoped_lock lock(mutex_);
      if (faults_) fault = faults_(commits_++);
    }
    const auto notify = [this] {
      {
        const std::scoped_lock lock(mutex_);
      }
      changed_.notify_all();
    };
    switch (fault) {
      case Fault::kFailBefore: return base::fail(base::Code::kUnavailable, "the book is away");
      case Fault::kRefuse:
        return base::fail(base::Code::kFailedPrecondition, "the book wants another password");
      case Fault::kDie: return base::fail(base::Code::kInvalidArgument, "the reader dies here");
      default: break;
    }
    auto outcome = book_.load()->commit(commit);
    notify();
    if (fault == Fault::kFailAfter) {
      return base::fail(base::Code::kUnavailable, "the answer got lost");
    }
    return outcome;
  }
  base::Result<Score> read() const override {
    if (failing_reads_.fetch_sub(1) > 0) {
      return base::fail(base::Code::kUnavailable, "the book is away");
    }
    return book_.load()->read();
  }

  // Waits until the book below has counted `records`, repeats included.
  [[nodiscard]] bool wait_for(std::int64_t records) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::kPatience, [&] {
      const auto score = book_.load()->read();
      return score && score->total() + score->not_counted.repeated >= records;
    });
  }

 private:
  std::atomic<ScoreBook*> book_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Faults faults_;
  std::uint64_t commits_ = 0;
  mutable std::atomic<int> failing_reads_{0};
};

class TallyTest : public testing::Test {
 protected:
  void SetUp() override {
    open_log();
    open_book();
  }
  void open_log(std::size_t segment_bytes = std::size_t{1} << 20) {
    log_.reset();
    auto opened =
        DiskLog::open({.folder = folder_ / "log", .partitions = 2, .segment_bytes = segment_bytes},
                      clock_, captured_.logger());
    ASSERT_TRUE(opened) << opened.error().message();
    log_ = *std::move(opened);
  }
  void open_book() {
    faulty_.reset();
    book_.reset();
    auto opened = RocksScoreBook::open(folder_ / "score", contest_);
    ASSERT_TRUE(opened) << opened.error().message();
    book_ = *std::move(opened);
    faulty_ = std::make_unique<FaultyScoreBook>(*book_);
  }
  [[nodiscard]] std::unique_ptr<Tally> start() {
    auto tally =
        std::make_unique<Tally>(Tally::Options{.commit_every = std::chrono::milliseconds(1)},
                                Tally::Dependencies{.contest = contest_,
                                                    .events = *log_,
                                                    .scores = *faulty_,
                                                    .retry = RetryRule(std::chrono::minutes(10)),
                                                    .memory = memory_,
                                                    .clock = clock_,
                                                    .log = captured_.logger()});
    tally->add(all_partitions(log_->partitions()));
    return tally;
  }
  // Starts a tally, lets it count the log, and ends it.
  void count_to_the_end() {
    const auto tally = start();
    ASSERT_TRUE(faulty_->wait_for(appended_)) << captured_.text();
  }

  // Appends records with new numbers to a partition. expect_exact() expects them counted.
  void append(PartitionId to, std::uint64_t records, bool is_given = false) {
    RecordBatch batch(2);
    batch.time_ms = clock_.wall_ms();
    for (std::uint64_t i = 0; i < records; ++i) {
      records_.add(batch, to, next_number_++, is_given);
      ++appended_;
    }
    counted_[{to.topic, to.number}] += static_cast<std::int64_t>(records);
    ASSERT_TRUE(test::append_and_wait(*log_, batch));
  }
  // Appends a record with a given id. `counts` says whether expect_exact() expects it counted.
  void append_given(PartitionId to, std::uint64_t number, bool counts) {
    RecordBatch batch(2);
    batch.time_ms = clock_.wall_ms();
    records_.add(batch, to, number, true);
    ++appended_;
    if (counts)
      ++counted_[{to.topic, to.number}];
    else
      ++repeats_;
    ASSERT_TRUE(test::append_and_wait(*log_, batch));
  }
  void append_everywhere(int rounds, std::uint64_t records = 7) {
    for (int i = 0; i < rounds; ++i) {
      for (const PartitionId partition : kAll) append(partition, records);
    }
  }

  // Commits records of winners-0 as another reader would.
  void commit_as_another(std::int64_t first, std::int64_t next, std::int64_t count) {
    ASSERT_TRUE(book_
                    ->commit({.partition = kWinners0,
                              .before = state_at(first),
                              .after = state_at(next),
                              .deltas = {{.faculty = 0, .discipline = 0, .count = count}},
                              .not_counted = {}})
                    ->is_applied);
  }
  // Returns the state of a book that counts the records of winners-0 before `offset`.
  PartitionState state_at(std::int64_t offset) {
    PartitionState state{
        .incarnation = log_->incarnation(kWinners0).value(), .next_offset = offset, .chain = {}};
    const auto reader = log_->read_from(kWinners0, 0);
    std::vector<LoggedRecord> records;
    while (reader.value()->position() < std::min(offset, log_->end_offset(kWinners0).value())) {
      EXPECT_TRUE((*reader)->read(records, test::kPatience));
      for (const LoggedRecord& record : records) {
        if (record.offset < offset) state.chain.add(record);
      }
    }
    return state;
  }

  // Runs one tally for each of the first commits. That commit meets `fault`.
  void fail_each_commit_in_turn(FaultyScoreBook::Fault fault) {
    for (std::uint64_t failing = 0; failing < 12; ++failing) {
      append_everywhere(1);
      faulty_->set_faults([failing, fault](std::uint64_t commit) {
        return commit == failing ? fault : FaultyScoreBook::Fault::kNone;
      });
      const auto tally = start();
      for (const int rounds : {2, 1}) {
        append_everywhere(rounds);
        ASSERT_TRUE(faulty_->wait_for(appended_));
      }
      expect_exact();
    }
  }

  // Expects that the book counts exactly the appended records, up to the log's end.
  void expect_exact() {
    const auto score = book_->read();
    ASSERT_TRUE(score);
    std::map<Outcome, std::int64_t> by_outcome;
    for (const Score::Count& count : score->counts) by_outcome[count.outcome] += count.count;
    const auto expected = [&](Outcome topic) {
      return counted_[{topic, 0}] + counted_[{topic, 1}];
    };
    EXPECT_EQ(by_outcome[Outcome::kWinner], expected(Outcome::kWinner));
    EXPECT_EQ(by_outcome[Outcome::kLoser], expected(Outcome::kLoser));
    EXPECT_EQ(score->not_counted.repeated, repeats_);
    for (const PartitionId partition : kAll) {
      EXPECT_EQ(score->position(partition), log_->end_offset(partition).value());
    }
  }

  const Contest contest_ = Contest::defaults();
  test::TempFolder folder_;
  test::TestClock clock_;
  test::CapturedLog captured_;
  test::NumberedRecords records_;
  IdMemory memory_{{.folder = folder_.path()}};
  std::unique_ptr<DiskLog> log_;
  std::unique_ptr<RocksScoreBook> book_;
  std::unique_ptr<FaultyScoreBook> faulty_;

  std::uint64_t next_number_ = 0;
  std::int64_t appended_ = 0;
  std::int64_t repeats_ = 0;
  std::map<std::pair<Outcome, int>, std::int64_t> counted_;
};

TEST_F(TallyTest, CountsOldAndNewRecords) {
  append_everywhere(5);
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  expect_exact();
  for (int i = 0; i < 10; ++i) {
    append_everywhere(1);
    ASSERT_TRUE(faulty_->wait_for(appended_));
  }
  expect_exact();
  EXPECT_FALSE(tally->stats().has_stopped);
}

TEST_F(TallyTest, CountsByFacultyAndDiscipline) {
  append(kLosers1, 60);
  count_to_the_end();
  const auto score = book_->read();
  ASSERT_TRUE(score);
  ASSERT_EQ(score->counts.size(), 6U);
  for (const Score::Count& count : score->counts) {
    EXPECT_EQ(count.outcome, Outcome::kLoser);
    EXPECT_EQ(count.count, 10) << count.faculty << " " << count.discipline_id;
  }
}

TEST_F(TallyTest, ItsEndCountsTheWholeLog) {
  auto tally = start();
  append_everywhere(20);
  tally.reset();
  expect_exact();
}

TEST_F(TallyTest, ATallyThatEndsAtOnceHasCountedTheWholeLog) {
  append_everywhere(2);
  for (int i = 0; i < 10; ++i) {
    append_everywhere(1);
    start().reset();
    expect_exact();
  }
}

TEST_F(TallyTest, ItsStatisticsAgreeWithTheBook) {
  append_everywhere(3);
  append_given(kWinners0, 1'000'000, true);
  append_given(kWinners0, 1'000'000, false);
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  append_everywhere(1);
  ASSERT_TRUE(faulty_->wait_for(appended_));
  // A reader updates its statistics after the book has the commit.
  ASSERT_TRUE(test::eventually([&] {
    const Tally::Stats stats = tally->stats();
    return stats.counted + stats.repeated == static_cast<std::uint64_t>(appended_);
  }));
  const Tally::Stats stats = tally->stats();
  EXPECT_EQ(stats.repeated, 1U);
  EXPECT_EQ(stats.counted, static_cast<std::uint64_t>(appended_ - 1));
  EXPECT_GE(stats.commits, 4U);
  EXPECT_EQ(stats.stale_commits, 0U);
  EXPECT_EQ(stats.failed_commits, 0U);
}

TEST_F(TallyTest, CountsExactlyOnceWhenReaderDiesBeforeCommit) {
  append_everywhere(6);
  faulty_->set_faults([](std::uint64_t) { return FaultyScoreBook::Fault::kDie; });
  {
    const auto tally = start();
    ASSERT_TRUE(test::eventually([&] { return tally->stats().has_stopped; }));
  }
  EXPECT_EQ(book_->read()->total(), 0);
  faulty_->set_faults({});
  append_everywhere(2);
  count_to_the_end();
  expect_exact();
}

TEST_F(TallyTest, CountsExactlyOnceWhicheverCommitFails) {
  fail_each_commit_in_turn(FaultyScoreBook::Fault::kFailBefore);
}

TEST_F(TallyTest, CountsExactlyOnceWhicheverCommitIsAppliedButItsAnswerLost) {
  fail_each_commit_in_turn(FaultyScoreBook::Fault::kFailAfter);
}

TEST_F(TallyTest, CountsExactlyOnceOverRandomFailuresAndRestarts) {
  const auto random = std::make_shared<std::mt19937_64>(test::drawn_seed());
  for (int round = 0; round < 8; ++round) {
    // Called under the book's lock.
    faulty_->set_faults([random, left = 6](std::uint64_t) mutable {
      if (left == 0 || (*random)() % 2 == 0) return FaultyScoreBook::Fault::kNone;
      --left;
      return (*random)() % 2 == 0 ? FaultyScoreBook::Fault::kFailBefore
                                  : FaultyScoreBook::Fault::kFailAfter;
    });
    const auto tally = start();
    for (int i = 0; i < 5; ++i) {
      append(kAll[i % 4], 3, true);
      append_given(kAll[i % 4], next_number_ - 1, false);
    }
    if (round % 2 != 0) continue;  // this tally ended in the middle
    ASSERT_TRUE(faulty_->wait_for(appended_));
  }
  faulty_->set_faults({});
  count_to_the_end();
  expect_exact();
}

TEST_F(TallyTest, GoesOnAfterTheBookWasUnreadable) {
  append_everywhere(2);
  faulty_->fail_reads(6);
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  expect_exact();
  EXPECT_GE(tally->stats().failed_commits, 6U);
  EXPECT_FALSE(tally->stats().has_stopped);
}

TEST_F(TallyTest, TwoTalliesOnOneLogCountOnce) {
  const auto one = start();
  const auto zombie = start();
  for (int i = 0; i < 30; ++i) {
    append_everywhere(1);
    append_given(kWinners0, 1'000'000 + static_cast<std::uint64_t>(i), true);
    append_given(kWinners0, 1'000'000 + static_cast<std::uint64_t>(i), false);
  }
  ASSERT_TRUE(faulty_->wait_for(appended_));
  expect_exact();
  EXPECT_FALSE(one->stats().has_stopped);
  EXPECT_FALSE(zombie->stats().has_stopped);
}

TEST_F(TallyTest, AReaderContinuesWhereAnotherReaderMovedTheBook) {
  append(kWinners0, 10);
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  // Another reader counted the next five records. This log gets them only now.
  std::promise<void> may_commit;
  const auto gate = may_commit.get_future().share();
  faulty_->set_faults([gate](std::uint64_t) {
    gate.wait();
    return FaultyScoreBook::Fault::kNone;
  });
  append(kWinners0, 5);
  commit_as_another(10, 15, 5);
  may_commit.set_value();
  append(kWinners0, 5);
  ASSERT_TRUE(faulty_->wait_for(appended_));
  expect_exact();
  EXPECT_GE(tally->stats().stale_commits, 1U);
}

TEST_F(TallyTest, AnEmptiedBookIsCountedAgain) {
  append_everywhere(4);
  append_given(kLosers0, 1'000'000, true);
  append_given(kLosers0, 1'000'000, false);
  count_to_the_end();
  expect_exact();
  faulty_.reset();
  book_.reset();
  std::filesystem::remove_all(folder_ / "score");
  open_book();
  EXPECT_EQ(book_->read()->total(), 0);
  append_everywhere(1);
  count_to_the_end();
  expect_exact();
}

TEST_F(TallyTest, ABookThatWentBackIsCountedAgain) {
  append_everywhere(3);
  append_given(kLosers0, 1'000'000, true);
  count_to_the_end();
  faulty_.reset();
  book_.reset();
  std::filesystem::copy(folder_ / "score", folder_ / "older");
  open_book();
  append_everywhere(3);
  append_given(kLosers0, 1'000'000, false);
  count_to_the_end();
  expect_exact();
  faulty_.reset();
  book_.reset();
  std::filesystem::remove_all(folder_ / "score");
  std::filesystem::rename(folder_ / "older", folder_ / "score");
  open_book();
  count_to_the_end();
  expect_exact();
}

TEST_F(TallyTest, ABookThatWentBackIsCountedAgainByAnIdleTally) {
  append_everywhere(3);
  const auto empty = RocksScoreBook::open(folder_ / "empty", contest_);
  ASSERT_TRUE(empty) << empty.error().message();
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  faulty_->swap(**empty);
  ASSERT_TRUE(faulty_->wait_for(appended_)) << captured_.text();
  EXPECT_EQ((*empty)->read()->total(), appended_);
}

TEST_F(TallyTest, WaitsUntilTheBookTakesCommitsAgain) {
  for (const auto fault : {FaultyScoreBook::Fault::kFailBefore, FaultyScoreBook::Fault::kRefuse}) {
    faulty_->set_faults([fault](std::uint64_t) { return fault; });
    append(kWinners0, 1);
    const auto tally = start();
    ASSERT_TRUE(test::eventually([&] { return tally->unready_reason().has_value(); }));
    faulty_->set_faults({});
    ASSERT_TRUE(test::eventually([&] { return !tally->unready_reason().has_value(); }));
    expect_exact();
    EXPECT_TRUE(test::eventually(
        [&] { return captured_.text().find("counting goes on") != std::string::npos; }));
  }
}

TEST_F(TallyTest, APartitionThatTwoMembersHoldIsCountedUntilBothLoseIt) {
  const auto tally = start();
  const PartitionId handed_over[] = {kWinners0};
  tally->add(handed_over);
  tally->remove(handed_over);
  append(kWinners0, 1);
  ASSERT_TRUE(faulty_->wait_for(appended_));
  tally->remove(handed_over);
  EXPECT_EQ(tally->partition_statuses().size(), 3U);
}

TEST_F(TallyTest, RepeatsAreCountedOnceAcrossRestarts) {
  for (std::uint64_t i = 0; i < 40; ++i) append_given(kWinners1, 1'000'000 + i, true);
  count_to_the_end();
  for (int restart = 0; restart < 3; ++restart) {
    for (std::uint64_t i = 0; i < 40; i += 3) append_given(kWinners1, 1'000'000 + i, false);
    if (restart == 1) open_log();
    append_given(kWinners1, 2'000'000 + static_cast<std::uint64_t>(restart), true);
    count_to_the_end();
    expect_exact();
  }
}

TEST_F(TallyTest, ARepeatIsKnownAfterARestartLongAfterTheRecordsBeforeIt) {
  open_log(std::size_t{64} << 10);
  const std::uint64_t given = 5'000'000;
  append_given(kWinners0, given, true);
  for (int i = 0; i < 60; ++i) {
    append(kWinners0, 40);  // fills segments
    clock_.advance(5000);
  }
  count_to_the_end();
  open_log(std::size_t{64} << 10);
  append_given(kWinners0, given, false);  // 300 s later: within the window
  count_to_the_end();
  expect_exact();
}

TEST_F(TallyTest, AnIdOfAnotherVersionCountsAgainAfterTheWindowWithOrWithoutARestart) {
  for (const bool is_restarted : {false, true}) {
    const std::uint64_t given = is_restarted ? 7'000'000 : 6'000'000;
    auto tally = start();
    append_given(kWinners0, given, true);
    ASSERT_TRUE(faulty_->wait_for(appended_));
    clock_.advance(13 * 60'000);
    if (is_restarted) {
      tally.reset();
      tally = start();
    }
    append_given(kWinners0, given, true);
    append_given(kWinners0, given, false);
    ASSERT_TRUE(faulty_->wait_for(appended_));
    expect_exact();
  }
}

// The tally's own clock is an hour ahead of the judges' when it starts again.
TEST_F(TallyTest, RepeatsAreCountedOnceWhateverItsOwnClockSays) {
  for (std::uint64_t i = 0; i < 6; ++i) append_given(kLosers0, 1'000'000 + i, true);
  count_to_the_end();
  open_log();
  const std::int64_t time_ms = clock_.wall_ms();
  clock_.advance(3'600'000);
  const auto tally = start();
  ASSERT_TRUE(test::eventually([&] {
    return std::ranges::all_of(tally->partition_statuses(),
                               [](const auto& status) { return status.position.has_value(); });
  }));
  clock_.set(time_ms);
  for (std::uint64_t i = 0; i < 6; ++i) append_given(kLosers0, 1'000'000 + i, false);
  clock_.advance(3'600'000);
  ASSERT_TRUE(faulty_->wait_for(appended_));
  expect_exact();
}

TEST_F(TallyTest, CountsRecordsThatARestartFoundUncountedAndThenNewOnes) {
  // The process dies before any record is counted. The log's last record is the last record of only
  // one partition.
  append_everywhere(3);
  open_log();
  const auto tally = start();
  ASSERT_TRUE(faulty_->wait_for(appended_));
  for (int i = 0; i < 3; ++i) {
    append_everywhere(1);
    ASSERT_TRUE(faulty_->wait_for(appended_)) << captured_.text();
  }
  expect_exact();
  EXPECT_FALSE(tally->stats().has_stopped) << captured_.text();
}

TEST_F(TallyTest, AScoreAheadOfTheLogStopsTheCountWithAnError) {
  append(kWinners0, 3);
  commit_as_another(0, 4, 4);
  const auto tally = start();
  append(kLosers0, 5);
  ASSERT_TRUE(faulty_->wait_for(4 + 5)) << "the other partitions are counted all the same";
  ASSERT_TRUE(test::eventually([&] { return tally->stats().has_stopped; }));
  EXPECT_THAT(captured_.text(),
              AllOf(HasSubstr("counting a partition has stopped"),
                    HasSubstr("the score counts 4 records of winners-0 and the log holds 3")));
  EXPECT_EQ(book_->read()->position(kWinners0), 4);
}

// The folder was restored from an older copy, and other entries came.
TEST_F(TallyTest, AnOlderLogUnderANewerScoreStopsTheCountUntilTheScoreIsCountedAgain) {
  append(kWinners0, 3);
  count_to_the_end();
  log_.reset();
  std::filesystem::copy(folder_ / "log", folder_ / "older",
                        std::filesystem::copy_options::recursive);
  open_log();
  append(kWinners0, 5);
  count_to_the_end();
  log_.reset();
  std::filesystem::remove_all(folder_ / "log");
  std::filesystem::rename(folder_ / "older", folder_ / "log");
  open_log();
  append(kWinners0, 9);
  const auto tally = start();
  ASSERT_TRUE(test::eventually([&] { return tally->stats().has_stopped; }));
  EXPECT_TRUE(tally->stats().has_log_gone_back);
  EXPECT_THAT(*tally->unready_reason(),
              AllOf(HasSubstr("winners-0: the score counted another record at offset 7"),
                    HasSubstr("estadio repair")));
  append(kLosers0, 5);
  ASSERT_TRUE(faulty_->wait_for(8 + 5)) << "the other partitions are counted all the same";
  EXPECT_EQ(book_->read()->position(kWinners0), 8);
  const auto empty = RocksScoreBook::open(folder_ / "empty", contest_);
  ASSERT_TRUE(empty) << empty.error().message();
  faulty_->swap(**empty);
  ASSERT_TRUE(faulty_->wait_for(12 + 5)) << captured_.text();
  EXPECT_TRUE(test::eventually([&] { return !tally->unready_reason().has_value(); }));
  EXPECT_FALSE(tally->stats().has_stopped);
  EXPECT_FALSE(tally->stats().has_log_gone_back);
}

TEST_F(TallyTest, AScoreThatDoesNotAddUpIsNotCountedOnUntilItIsReplaced) {
  append(kWinners0, 3);
  commit_as_another(0, 3, 2);
  const auto empty = RocksScoreBook::open(folder_ / "empty", contest_);
  ASSERT_TRUE(empty) << empty.error().message();
  const auto tally = start();
  ASSERT_TRUE(test::eventually([&] { return tally->unready_reason().has_value(); }));
  EXPECT_THAT(*tally->unready_reason(), HasSubstr("does not add up"));
  faulty_->swap(**empty);
  ASSERT_TRUE(faulty_->wait_for(3)) << captured_.text();
  EXPECT_TRUE(test::eventually([&] { return !tally->unready_reason().has_value(); }));
}

TEST_F(TallyTest, APartitionMadeAnewIsNotCountedIntoTheScoreOfTheOldOne) {
  append(kWinners0, 3);
  count_to_the_end();
  log_.reset();
  std::filesystem::remove_all(folder_ / "log");
  open_log();
  append(kWinners0, 5);
  const auto tally = start();
  ASSERT_TRUE(test::eventually([&] { return tally->stats().has_stopped; }));
  EXPECT_THAT(captured_.text(), HasSubstr("deleted and made again"));
  EXPECT_EQ(book_->read()->total(), 3);
}

TEST_F(TallyTest, ARecordThatIsNoResultStopsTheCountAndIsNamed) {
  append(kLosers1, 4);
  count_to_the_end();
  RecordBatch batch(2);
  batch.part(kLosers1) = {.lines = "{\"who\":\"knows\"}\n", .count = 1};
  ASSERT_TRUE(test::append_and_wait(*log_, batch));
  {
    const auto tally = start();
    append(kWinners0, 3);
    ASSERT_TRUE(faulty_->wait_for(7));
    ASSERT_TRUE(test::eventually([&] { return tally->stats().has_stopped; }));
  }
  EXPECT_THAT(captured_.text(), AllOf(HasSubstr("losers-1, offset 4"), HasSubstr("who")));
  EXPECT_EQ(book_->read()->position(kLosers1), 4);
  EXPECT_EQ(book_->read()->total(), 7);
}

}  // namespace
}  // namespace estadio
