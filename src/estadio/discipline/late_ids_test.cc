#include "estadio/discipline/late_ids.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "estadio/contest/test_log.h"
#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using Durability = Verdict::Durability;

class LateIdsTest : public testing::Test {
 protected:
  LateIdsTest()
      : contest_(Contest::from_toml(
                     "closes_at = " +
                         base::format_time(test::TestClock::kStartMs + 10'000).substr(0, 19) + "Z",
                     "contest.toml")
                     .value()) {}

  [[nodiscard]] std::unique_ptr<LateIds> start(std::int64_t settle_ms = LateIds::kSettleMs) {
    return std::make_unique<LateIds>(LateIds::Dependencies{.contest = contest_,
                                                           .events = events_,
                                                           .retention_ms = 180'000,
                                                           .settle_ms = settle_ms,
                                                           .known = known_,
                                                           .clock = clock_,
                                                           .log = log_.logger()});
  }
  // Returns the durability that a late entry with this id gets.
  [[nodiscard]] Durability durability_of(std::uint64_t number) {
    EntryBatch batch{.entries = {}, .text = "Zoë"};  // the entry of NumberedRecords
    batch.entries.push_back({.id = test::numbered_id(number),
                             .student_size = static_cast<std::uint8_t>(batch.text.size()),
                             .has_student = true,
                             .is_id_given = true,
                             .is_late = true,
                             .faculty = static_cast<FacultyIndex>(number % 2),
                             .discipline = static_cast<DisciplineIndex>(number % 3)});
    std::vector<Verdict> verdicts(1);
    known_.settle_late(batch, verdicts, clock_.wall_ms());
    return verdicts[0].durability;
  }
  void add(std::uint64_t number, std::int64_t time_ms = test::TestClock::kStartMs) {
    std::string line = records_.line(Outcome::kWinner, number, true);
    line.pop_back();  // its newline
    events_.add({.topic = Outcome::kWinner, .number = 0}, std::move(line), time_ms);
  }

  const Contest contest_;
  test::TestClock clock_;
  test::CapturedLog log_;
  test::MemoryLog events_{1};
  test::NumberedRecords records_;
  KnownIds known_{180'000};
};

TEST_F(LateIdsTest, NothingIsReadWhileTheContestIsOpen) {
  add(1);
  const auto late_ids = start();
  clock_.advance(9000);
  EXPECT_EQ(durability_of(1), Durability::kUnknown);
}

TEST_F(LateIdsTest, EntriesThatAnyServerLoggedAreKnownWhenTheContestIsOver) {
  add(1);
  const auto late_ids = start();
  clock_.advance(11'000);
  EXPECT_TRUE(test::eventually([&] { return durability_of(1) == Durability::kKept; }));
  EXPECT_EQ(durability_of(2), Durability::kUnknown);  // it may be in flight
}

TEST_F(LateIdsTest, AnUnloggedEntryIsRefusedOnceNothingIsInFlight) {
  const auto late_ids = start();
  clock_.advance(11'000);
  add(1, clock_.wall_ms());
  clock_.advance(LateIds::kSettleMs);
  EXPECT_TRUE(test::eventually([&] { return durability_of(2) == Durability::kRefused; }));
  EXPECT_EQ(durability_of(1), Durability::kKept);
}

TEST_F(LateIdsTest, TheOnlyWriterReadsBackBeforeTheEnd) {
  add(1);
  const auto late_ids = start(0);
  EXPECT_TRUE(test::eventually([&] { return durability_of(2) == Durability::kRefused; }));
  EXPECT_EQ(durability_of(1), Durability::kKept);
}

TEST_F(LateIdsTest, ItStopsWhileItWaits) { start().reset(); }

}  // namespace
}  // namespace estadio
