#include "estadio/rpc/routing.h"

#include <gtest/gtest.h>

#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/test_judge.h"

namespace estadio {
namespace {

StreamState stream(std::size_t number, DisciplineMask judged, std::size_t in_flight_bytes = 0) {
  return {.number = number, .judged = judged, .in_flight_bytes = in_flight_bytes};
}

TEST(RoutingTest, OneThatJudgesAllTakesAll) {
  const Division division =
      divide(0b111, std::vector{stream(0, 0b011), stream(1, 0b111, 500), stream(2, 0b100)});
  ASSERT_EQ(division.assignments.size(), 1U);
  EXPECT_EQ(division.assignments[0].number, 1U);
  EXPECT_EQ(division.unassigned, 0U);
}

TEST(RoutingTest, TheLeastBusyOfEqualsTakesIt) {
  const Division division =
      divide(0b1, std::vector{stream(0, 0b111, 20), stream(1, 0b001, 10), stream(2, 0b11, 30)});
  ASSERT_EQ(division.assignments.size(), 1U);
  EXPECT_EQ(division.assignments[0].number, 1U);
}

TEST(RoutingTest, DisciplinesAreDividedOverThoseThatJudgeThem) {
  const Division division =
      divide(0b1111, std::vector{stream(4, 0b0001), stream(5, 0b0110), stream(6, 0b0011)});
  ASSERT_EQ(division.assignments.size(), 2U);
  EXPECT_EQ(division.assignments[0].disciplines | division.assignments[1].disciplines, 0b0111U);
  EXPECT_EQ(division.assignments[0].disciplines & division.assignments[1].disciplines, 0U);
  EXPECT_EQ(division.unassigned, 0b1000U);
}

TEST(RoutingTest, WithNobodyAllIsLeft) {
  EXPECT_EQ(divide(0b11, {}).unassigned, 0b11U);
  EXPECT_TRUE(divide(0b11, std::vector{stream(0, 0b100)}).assignments.empty());
}

TEST(RoutingTest, EveryEntryIsInOneSubBatchOfItsAssignment) {
  const EntryBatch batch = test::numbered_batch(0, 100);
  const std::vector<Assignment> assignments = {{.number = 7, .disciplines = 0b001},
                                               {.number = 9, .disciplines = 0b100}};
  const auto sub_batches = split_batch(batch, assignments);
  ASSERT_EQ(sub_batches.size(), 3U);
  std::size_t entries = 0;
  for (const SubBatch& sub_batch : sub_batches) {
    for (const std::uint32_t place : sub_batch.places) {
      const DisciplineIndex discipline = batch.entries[place].discipline;
      EXPECT_EQ(sub_batch.number, discipline == 0   ? std::optional<std::size_t>(7)
                                  : discipline == 2 ? std::optional<std::size_t>(9)
                                                    : std::nullopt);
      EXPECT_EQ(sub_batch.disciplines, sub_batch.number ? mask_of(discipline) : 0U);
      ++entries;
    }
  }
  EXPECT_EQ(entries, 100U);
}

TEST(RoutingTest, NoSubBatchThatTravelsIsLargerThanAMessage) {
  EntryBatch batch;
  batch.entries.resize(2 * kBatchEntriesMax + 1);
  const auto sub_batches =
      split_batch(batch, std::vector<Assignment>{{.number = 0, .disciplines = 1}});
  ASSERT_EQ(sub_batches.size(), 3U);
  EXPECT_EQ(sub_batches[0].places.size(), kBatchEntriesMax);
  EXPECT_EQ(sub_batches[2].places.size(), 1U);
  EXPECT_EQ(split_batch(batch, {}).size(), 1U);
}

}  // namespace
}  // namespace estadio
