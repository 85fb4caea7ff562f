#include "estadio/dedup/id_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>

#include "estadio/contest/test_world.h"
#include "estadio/dedup/seen_ids.h"

namespace estadio {
namespace {

using testing::HasSubstr;

class IdSetTest : public testing::Test {
 protected:
  [[nodiscard]] bool folder_is_empty() const { return std::filesystem::is_empty(folder_.path()); }

  test::TempFolder folder_;
};

TEST_F(IdSetTest, HoldsWhatWasAddedAndNothingElse) {
  IdMemory memory({.folder = folder_.path()});
  IdSet ids(memory);
  std::mt19937_64 random(test::drawn_seed());
  std::set<std::uint64_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t number = random() % 15'000;
    EXPECT_EQ(ids.contains(test::numbered_id(number)), model.contains(number));
    const auto is_new = ids.add(test::numbered_id(number));
    ASSERT_TRUE(is_new);
    ASSERT_EQ(*is_new, model.insert(number).second);
    ASSERT_EQ(ids.size(), model.size());
  }
  for (std::uint64_t number = 0; number < 15'000; ++number) {
    EXPECT_EQ(ids.contains(test::numbered_id(number)), model.contains(number));
  }
}

TEST_F(IdSetTest, TheNilIdIsAnIdLikeOthers) {
  IdMemory memory({.folder = folder_.path()});
  IdSet ids(memory);
  EXPECT_FALSE(ids.contains(base::Uuid()));
  EXPECT_TRUE(ids.add(base::Uuid()).value());
  EXPECT_FALSE(ids.add(base::Uuid()).value());
  EXPECT_TRUE(ids.contains(base::Uuid()));
  EXPECT_EQ(ids.size(), 1U);
}

TEST_F(IdSetTest, BeyondTheLimitIdsAreInFilesThatLeaveNothingBehind) {
  IdMemory memory({.bytes_max = 8192, .folder = folder_.path()});
  {
    IdSet ids(memory);
    for (std::uint64_t i = 0; i < 10'000; ++i) ASSERT_TRUE(ids.add(test::numbered_id(i)).value());
    for (std::uint64_t i = 0; i < 10'000; ++i) ASSERT_TRUE(ids.contains(test::numbered_id(i)));
    EXPECT_FALSE(ids.contains(test::numbered_id(10'000)));
    EXPECT_LE(memory.stats().memory_bytes, 8192U);
    EXPECT_GE(memory.stats().file_bytes, 10'000 * sizeof(base::Uuid));
    EXPECT_TRUE(folder_is_empty()) << "a file with a name would stay after a crash";
  }
  EXPECT_EQ(memory.stats().memory_bytes, 0U);
  EXPECT_EQ(memory.stats().file_bytes, 0U);
}

TEST_F(IdSetTest, WithoutRoomAnAddFailsNamesFolderAndSettingAndLosesNothing) {
  const std::string missing = folder_ / "missing";
  IdMemory memory({.bytes_max = 4096, .folder = missing, .folder_setting = "--retry-folder"});
  IdSet ids(memory);
  std::uint64_t added = 0;
  while (const auto is_new = ids.add(test::numbered_id(added))) {
    ASSERT_TRUE(*is_new);
    ++added;
    ASSERT_LT(added, 1000U);
  }
  EXPECT_THAT(ids.add(test::numbered_id(added)).error().message(),
              HasSubstr(missing + " (--retry-folder): "));
  EXPECT_EQ(ids.size(), added);
  for (std::uint64_t i = 0; i < added; ++i) EXPECT_TRUE(ids.contains(test::numbered_id(i)));
  EXPECT_EQ(memory.stats().memory_bytes, 4096U);
}

TEST_F(IdSetTest, ForgottenMinutesGiveTheirMemoryBack) {
  IdMemory memory({.folder = folder_.path()});
  SeenIds seen(memory);
  for (Minute minute = -5; minute < 5; ++minute) {
    EXPECT_TRUE(seen.add(minute, test::numbered_id(1)).value());
    EXPECT_FALSE(seen.add(minute, test::numbered_id(1)).value());
  }
  EXPECT_TRUE(seen.contains(-9, -5, test::numbered_id(1)));
  EXPECT_FALSE(seen.contains(-9, -6, test::numbered_id(1)));
  seen.forget_before(3);
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(memory.stats().memory_bytes, 2U * 4096);
  EXPECT_FALSE(seen.contains(-9, 2, test::numbered_id(1)));
  EXPECT_TRUE(seen.add(2, test::numbered_id(1)).value());
  seen.clear();
  EXPECT_EQ(memory.stats().memory_bytes, 0U);
}

TEST(MinuteTest, MinutesAreRoundedDownBefore1970Too) {
  EXPECT_EQ(minute_of(0), 0);
  EXPECT_EQ(minute_of(59'999), 0);
  EXPECT_EQ(minute_of(60'000), 1);
  EXPECT_EQ(minute_of(-1), -1);
  EXPECT_EQ(minute_of(-60'000), -1);
  EXPECT_EQ(minute_of(-60'001), -2);
}

}  // namespace
}  // namespace estadio
