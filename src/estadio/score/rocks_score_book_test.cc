#include "estadio/score/rocks_score_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "estadio/contest/score_book_contract.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::HasSubstr;

class RocksHarness {
 public:
  ScoreBook& open(const Contest& contest) { return reopen(contest); }
  ScoreBook& reopen(const Contest& contest) {
    book_.reset();
    auto opened = RocksScoreBook::open(folder_ / "score", contest);
    if (!opened) {
      ADD_FAILURE() << opened.error().message();
      std::abort();
    }
    book_ = *std::move(opened);
    return *book_;
  }

 private:
  test::TempFolder folder_;
  std::unique_ptr<RocksScoreBook> book_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, ScoreBookContract, RocksHarness);

class RocksScoreBookTest : public testing::Test {
 protected:
  std::unique_ptr<RocksScoreBook> open() {
    auto opened = RocksScoreBook::open(path_, contest_);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }
  static ScoreCommit range(std::int64_t first, std::int64_t next) {
    return {.partition = {},
            .before = state_at(first),
            .after = state_at(next),
            .deltas = {{.faculty = 1, .discipline = 1, .count = next - first}},
            .not_counted = {}};
  }
  static PartitionState state_at(std::int64_t offset) {
    return {.incarnation = test::numbered_id(1),
            .next_offset = offset,
            .chain = {.before_last = 1, .all = static_cast<std::uint64_t>(offset)}};
  }
  // Puts a foreign key into the book's database.
  void put(const std::string& key, const std::string& value) const {
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), path_, &raw).ok());
    const std::unique_ptr<rocksdb::DB> database(raw);
    ASSERT_TRUE(database->Put(rocksdb::WriteOptions(), key, value).ok());
  }

  const Contest contest_ = Contest::defaults();
  test::TempFolder folder_;
  const std::string path_ = folder_ / "score";
};

TEST_F(RocksScoreBookTest, IsReadableWhileAnotherProcessHasItOpen) {
  const auto book = open();
  for (std::int64_t at = 0; at < 50; ++at) {
    ASSERT_TRUE(book->commit(range(at, at + 1))->is_applied);
    const auto score = RocksScoreBook::read_from(path_);
    ASSERT_TRUE(score) << score.error().message();
    EXPECT_EQ(score->total(), at + 1);
    EXPECT_EQ(score->position({}), at + 1);
  }
}

TEST_F(RocksScoreBookTest, ReadsDuringCommitsSeeCountsOfOneMoment) {
  const auto book = open();
  std::atomic<bool> is_done = false;
  std::jthread committer([&] {
    for (std::int64_t at = 0; at < 3000; ++at) {
      if (!book->commit(range(at, at + 1))) break;
    }
    is_done = true;
  });
  int reads = 0;
  while (!is_done || reads == 0) {
    const auto score = RocksScoreBook::read_from(path_);
    ASSERT_TRUE(score) << score.error().message();
    ASSERT_EQ(score->total(), score->position({}));
    ++reads;
  }
}

TEST_F(RocksScoreBookTest, IsReadableAfterItsProcessEnded) {
  ASSERT_TRUE(open()->commit(range(0, 3))->is_applied);
  EXPECT_EQ(RocksScoreBook::read_from(path_)->total(), 3);
}

TEST_F(RocksScoreBookTest, AMissingBookIsNotFound) {
  for (const std::string& path : {folder_ / "nowhere", folder_.path()}) {
    const auto score = RocksScoreBook::read_from(path);
    ASSERT_FALSE(score);
    EXPECT_EQ(score.error().code(), base::Code::kNotFound) << score.error().message();
    EXPECT_THAT(score.error().message(), HasSubstr(path));
  }
}

TEST_F(RocksScoreBookTest, ASecondOpeningIsRefused) {
  const auto book = open();
  EXPECT_FALSE(RocksScoreBook::open(path_, contest_));
}

TEST_F(RocksScoreBookTest, ADamagedValueIsNamed) {
  open();
  put("count/1/winner/Agronomía", "many");
  const auto opened = RocksScoreBook::open(path_, contest_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
  EXPECT_THAT(opened.error().message(), HasSubstr("count/1/winner/Agronomía"));
}

TEST_F(RocksScoreBookTest, AStateThatItDidNotWriteIsNamed) {
  const std::string id = test::numbered_id(1).to_string();
  for (const std::string& value :
       {std::string(8, '\0'), std::string("10"), id + " 10", id + " 10 0000000000000001",
        id + " 10 0000000000000001 000000000000000G", id + " -1 0000000000000001 0000000000000002",
        id + " 10 0000000000000001 0000000000000002 "}) {
    std::filesystem::remove_all(path_);
    open();
    put("position/winners/0", value);
    const auto opened = RocksScoreBook::open(path_, contest_);
    ASSERT_FALSE(opened) << value;
    EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
    EXPECT_THAT(opened.error().message(),
                testing::AllOf(HasSubstr("position/winners/0"), HasSubstr("estadio repair")));
  }
}

TEST_F(RocksScoreBookTest, AReplacedBookHoldsTheNewScoreAlone) {
  ASSERT_TRUE(open()->commit(range(0, 3))->is_applied);
  put("strange", "value");
  Score score;
  score.counts = {
      {.faculty = "Ingeniería", .discipline_id = 2, .outcome = Outcome::kLoser, .count = 7}};
  score.positions = {{.partition = {.topic = Outcome::kLoser, .number = 1}, .state = state_at(9)}};
  score.not_counted = {.repeated = 2, .not_in_time = 0};
  const auto replaced = RocksScoreBook::replace(path_, score);
  ASSERT_TRUE(replaced) << replaced.error().message();
  const auto stored = RocksScoreBook::read_stored_from(path_);
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(stored->values, RocksScoreBook::values_of(score));
  const auto read = open()->read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->total(), 7);
  EXPECT_EQ(read->not_counted, score.not_counted);
  ASSERT_NE(read->find(score.positions[0].partition), nullptr);
  EXPECT_EQ(*read->find(score.positions[0].partition), state_at(9));
}

TEST_F(RocksScoreBookTest, AForeignValueIsReadForARepair) {
  ASSERT_TRUE(open()->commit(range(0, 3))->is_applied);
  put("position/losers/0", "x");
  const auto stored = RocksScoreBook::read_stored_from(path_);
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(stored->values.at("position/losers/0"), "x");
  ASSERT_EQ(stored->positions.size(), 1U);
  EXPECT_EQ(stored->positions[0].state, state_at(3));
}

TEST_F(RocksScoreBookTest, AnUnknownKeyIsNamed) {
  for (const char* key :
       {"strange", "count/x/winner/Agronomía", "count/1/winner", "count/1/draw/Agronomía",
        "position/1", "position/winners/x", "not_counted/other", "repeated"}) {
    std::filesystem::remove_all(path_);
    open();
    put(key, "0");
    const auto opened = RocksScoreBook::open(path_, contest_);
    ASSERT_FALSE(opened) << key;
    EXPECT_EQ(opened.error().code(), base::Code::kCorruption);
    EXPECT_THAT(opened.error().message(), HasSubstr(key));
  }
}

}  // namespace
}  // namespace estadio
