#include "estadio/discipline/accepted_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

constexpr PartitionId kWinners0{.topic = Outcome::kWinner, .number = 0};
constexpr PartitionId kLosers0{.topic = Outcome::kLoser, .number = 0};
constexpr std::int64_t kNowMs = test::TestClock::kStartMs;

class AcceptedIdsTest : public testing::Test {
 protected:
  static constexpr std::size_t kRunIds = 8;

  void add(PartitionId to, const Entry& entry, std::int64_t time_ms = kNowMs,
           std::string_view student = {}) {
    std::string line;
    format_.append(line, entry, student, to.topic);
    line.pop_back();  // its newline
    events_.add(to, std::move(line), time_ms);
  }
  void end() {
    events_.append_end_marks([](const base::Result<void>&) {});
  }
  // Reads up to the marks at these offsets.
  base::Result<void> read(std::int64_t winners, std::int64_t losers = 0) {
    return accepted_.read({winners, losers}, [this] { return is_cancelled_; });
  }

  const Contest contest_ = Contest::defaults();
  const RecordFormat format_{contest_};
  test::MemoryLog events_{1};
  test::TempFolder folder_;
  IdMemory memory_{{.bytes_max = 4096, .folder = folder_.path()}};
  test::TestClock clock_;
  test::CapturedLog log_;
  bool is_cancelled_ = false;
  AcceptedIds accepted_{{.contest = contest_,
                         .events = events_,
                         .retry = RetryRule(std::chrono::minutes(10)),
                         .memory = memory_,
                         .clock = clock_,
                         .log = log_.logger()},
                        kRunIds};
};

TEST_F(AcceptedIdsTest, NothingIsReadyBeforeTheLogIsRead) { EXPECT_FALSE(accepted_.is_ready()); }

TEST_F(AcceptedIdsTest, IdsOfManyRunsAreFoundWithTheirContent) {
  constexpr std::uint64_t kIds = 1000;
  for (std::uint64_t i = 0; i < kIds; ++i) {
    // Not in the order of the ids.
    const std::uint64_t number = i * 7919 % kIds;
    add(number % 2 == 0 ? kWinners0 : kLosers0,
        {.id = test::numbered_id(number),
         .is_id_given = true,
         .discipline = static_cast<DisciplineIndex>(number % 3),
         .age = static_cast<std::int16_t>(number % 100)});
  }
  ASSERT_TRUE(read(kIds / 2, kIds / 2));
  EXPECT_TRUE(accepted_.is_ready());
  EXPECT_EQ(accepted_.size(), kIds);
  EXPECT_GT(memory_.stats().file_bytes, 0U) << "more than fits into memory";
  for (std::uint64_t i = 0; i < kIds; ++i) {
    const auto found = accepted_.find(i % 2 == 0 ? kWinners0 : kLosers0, test::numbered_id(i));
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->discipline, i % 3);
    EXPECT_EQ(found->age, static_cast<std::int16_t>(i % 100));
    EXPECT_FALSE(accepted_.find(i % 2 == 0 ? kLosers0 : kWinners0, test::numbered_id(i)));
  }
  EXPECT_FALSE(accepted_.find(kWinners0, test::numbered_id(kIds)));
}

TEST_F(AcceptedIdsTest, TheFirstRecordOfAnIdDecidesInOneRunAndInMany) {
  const auto add_many = [&](std::int16_t age) {
    for (std::uint64_t i = 0; i < 3 * kRunIds; ++i) {
      add(kWinners0, {.id = test::numbered_id(i / 2), .is_id_given = true, .age = age});
    }
  };
  add_many(20);
  add_many(30);
  ASSERT_TRUE(read(6 * kRunIds));
  for (std::uint64_t i = 0; i < 3 * kRunIds / 2; ++i) {
    EXPECT_EQ(accepted_.find(kWinners0, test::numbered_id(i))->age, 20);
  }
}

TEST_F(AcceptedIdsTest, StudentsAreCompared) {
  add(kWinners0, {.id = test::numbered_id(1), .has_student = true, .is_id_given = true}, kNowMs,
      "Zoë");
  ASSERT_TRUE(read(1));
  const Entry same{.id = test::numbered_id(1), .has_student = true, .is_id_given = true};
  const auto found = accepted_.find(kWinners0, test::numbered_id(1));
  EXPECT_FALSE(first_difference(*found, EntryContent::of(same, "Zoë")));
  EXPECT_EQ(first_difference(*found, EntryContent::of(same, "Zoe")), EntryField::kStudent);
}

TEST_F(AcceptedIdsTest, OnlyRecordsBeforeTheMarkThatCountAreAccepted) {
  base::UuidGenerator of_version_7;
  const base::Uuid in_time = of_version_7.next(kNowMs);
  const base::Uuid too_old = of_version_7.next(kNowMs - 3'600'000);
  add(kWinners0, {.id = in_time, .is_id_given = true});
  add(kWinners0, {.id = too_old, .is_id_given = true});
  add(kWinners0, {.id = test::numbered_id(1), .is_id_given = false});
  events_.add(kWinners0, "{}");  // another program's
  end();
  add(kWinners0, {.id = test::numbered_id(2), .is_id_given = true});
  ASSERT_TRUE(read(4));
  EXPECT_TRUE(accepted_.find(kWinners0, in_time));
  EXPECT_FALSE(accepted_.find(kWinners0, too_old));
  EXPECT_FALSE(accepted_.find(kWinners0, test::numbered_id(1)));
  EXPECT_FALSE(accepted_.find(kWinners0, test::numbered_id(2)));
  EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptedIdsTest, AReadThatWasCancelledGoesOnLater) {
  for (std::uint64_t i = 0; i < 3 * kRunIds; ++i) {
    add(kWinners0, {.id = test::numbered_id(i), .is_id_given = true});
  }
  is_cancelled_ = true;
  const auto cancelled = read(3 * kRunIds);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code(), base::Code::kCancelled);
  EXPECT_FALSE(accepted_.is_ready());
  is_cancelled_ = false;
  ASSERT_TRUE(read(3 * kRunIds));
  EXPECT_TRUE(accepted_.find(kWinners0, test::numbered_id(3 * kRunIds - 1)));
}

TEST_F(AcceptedIdsTest, ALogThatDoesNotReturnItsRecordsIsAnError) {
  const auto missing = read(1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Code::kUnavailable);
}

}  // namespace
}  // namespace estadio
