#include "estadio/load/answered_ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace estadio::load {
namespace {

std::vector<base::Uuid> ids_of_a_server(std::size_t count) {
  base::UuidGenerator generator;
  std::vector<base::Uuid> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(generator.next_marked(static_cast<std::int64_t>(1'700'000'000'000 + i / 100)));
  }
  return ids;
}

TEST(AnsweredIdsTest, AnIdThatComesAgainIsNoticed) {
  AnsweredIds seen;
  for (const base::Uuid& id : {base::Uuid{}, ids_of_a_server(1).front()}) {
    EXPECT_TRUE(seen.add(id));
    EXPECT_FALSE(seen.add(id));
    EXPECT_FALSE(seen.add(id));
  }
}

TEST(AnsweredIdsTest, NeverNoticesAnIdThatIsNew) {
  AnsweredIds seen;
  const auto ids = ids_of_a_server(AnsweredIds::kBuckets * AnsweredIds::kIdsOfBucket * 2);
  EXPECT_TRUE(std::ranges::all_of(ids, [&](const base::Uuid& id) { return seen.add(id); }));
}

TEST(AnsweredIdsTest, RemembersTheLastIdsAndForgetsMuchOlderOnes) {
  AnsweredIds seen;
  const auto ids = ids_of_a_server(AnsweredIds::kBuckets * AnsweredIds::kIdsOfBucket * 4);
  for (const base::Uuid& id : ids) ASSERT_TRUE(seen.add(id));
  const auto noticed = [&](std::size_t from, std::size_t until) {
    // From the newest: an id that is noticed pushes none out.
    std::size_t count = 0;
    for (std::size_t i = until; i > from; --i) count += seen.add(ids[i - 1]) ? 0U : 1U;
    return count;
  };
  const std::size_t quarter = AnsweredIds::kBuckets * AnsweredIds::kIdsOfBucket / 4;
  EXPECT_GE(noticed(ids.size() - quarter, ids.size()), quarter * 999 / 1000);
  EXPECT_LE(noticed(0, 10'000), 10U);
}

TEST(AnsweredIdsTest, ThreadsThatAddToTheSameBucketsNoticeNoNewId) {
  AnsweredIds seen;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto fresh = ids_of_a_server(300'000);
      EXPECT_TRUE(std::ranges::all_of(fresh, [&](const base::Uuid& id) { return seen.add(id); }));
    });
  }
}

TEST(AnsweredIdsTest, AThreadNoticesTheIdsOfAnother) {
  AnsweredIds seen;
  const auto ids = ids_of_a_server(10'000);
  for (const base::Uuid& id : ids) ASSERT_TRUE(seen.add(id));
  std::jthread([&] {
    EXPECT_TRUE(std::ranges::none_of(ids, [&](const base::Uuid& id) { return seen.add(id); }));
  });
}

}  // namespace
}  // namespace estadio::load
