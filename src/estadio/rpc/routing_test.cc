#include "estadio/rpc/routing.h"

#include <gtest/gtest.h>

#include "estadio/rpc/batch_codec.h"
#include "estadio/rpc/test_judge.h"

namespace estadio {
namespace {

Carrier carrier(std::size_t number, DisciplineMask judged, std::size_t in_flight_bytes = 0) {
  return {.number = number, .judged = judged, .in_flight_bytes = in_flight_bytes};
}

TEST(RoutingTest, OneThatJudgesAllTakesAll) {
  const Division division =
      divide(0b111, std::vector{carrier(0, 0b011), carrier(1, 0b111, 500), carrier(2, 0b100)});
  ASSERT_EQ(division.shares.size(), 1U);
  EXPECT_EQ(division.shares[0].number, 1U);
  EXPECT_EQ(division.left, 0U);
}

TEST(RoutingTest, OfEqualsTheLeastBusyTakesIt) {
  const Division division =
      divide(0b1, std::vector{carrier(0, 0b111, 20), carrier(1, 0b001, 10), carrier(2, 0b11, 30)});
  ASSERT_EQ(division.shares.size(), 1U);
  EXPECT_EQ(division.shares[0].number, 1U);
}

TEST(RoutingTest, DisciplinesAreDividedOverThoseThatJudgeThem) {
  const Division division =
      divide(0b1111, std::vector{carrier(4, 0b0001), carrier(5, 0b0110), carrier(6, 0b0011)});
  ASSERT_EQ(division.shares.size(), 2U);
  EXPECT_EQ(division.shares[0].disciplines | division.shares[1].disciplines, 0b0111U);
  EXPECT_EQ(division.shares[0].disciplines & division.shares[1].disciplines, 0U);
  EXPECT_EQ(division.left, 0b1000U);
}

TEST(RoutingTest, WithNobodyAllIsLeft) {
  EXPECT_EQ(divide(0b11, {}).left, 0b11U);
  EXPECT_TRUE(divide(0b11, std::vector{carrier(0, 0b100)}).shares.empty());
}

TEST(RoutingTest, EveryEntryIsInOnePortionOfItsShare) {
  const EntryBatch batch = test::numbered_batch(0, 100);
  const std::vector<Share> shares = {{.number = 7, .disciplines = 0b001},
                                     {.number = 9, .disciplines = 0b100}};
  const auto portions = portion_out(batch, shares);
  ASSERT_EQ(portions.size(), 3U);
  std::size_t entries = 0;
  for (const Portion& portion : portions) {
    for (const std::uint32_t place : portion.places) {
      const DisciplineIndex discipline = batch.entries[place].discipline;
      EXPECT_EQ(portion.number, discipline == 0   ? std::optional<std::size_t>(7)
                                : discipline == 2 ? std::optional<std::size_t>(9)
                                                  : std::nullopt);
      EXPECT_EQ(portion.disciplines, portion.number ? mask_of(discipline) : 0U);
      ++entries;
    }
  }
  EXPECT_EQ(entries, 100U);
}

TEST(RoutingTest, NoPortionThatTravelsIsLargerThanAMessage) {
  EntryBatch batch;
  batch.entries.resize(2 * kBatchEntriesMax + 1);
  const auto portions = portion_out(batch, std::vector<Share>{{.number = 0, .disciplines = 1}});
  ASSERT_EQ(portions.size(), 3U);
  EXPECT_EQ(portions[0].places.size(), kBatchEntriesMax);
  EXPECT_EQ(portions[2].places.size(), 1U);
  EXPECT_EQ(portion_out(batch, {}).size(), 1U);
}

}  // namespace
}  // namespace estadio
