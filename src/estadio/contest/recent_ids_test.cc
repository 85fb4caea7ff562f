#include "estadio/contest/recent_ids.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using test::numbered_id;

struct Seen {
  std::uint64_t number = 0;
  std::int64_t time_ms = 0;
};

constexpr EntryContent kContent{.faculty = 1, .discipline = 2, .age = 20, .student = 3};

bool see(RecentIds& ids, const base::Uuid& id, std::int64_t time_ms) {
  return ids.see(id, kContent, time_ms);
}

bool holds(const RecentIds& ids, const base::Uuid& id, std::int64_t time_ms) {
  const EntryContent* content = ids.find(id, time_ms);
  if (content != nullptr) {
    EXPECT_EQ(*content, kContent);
  }
  return content != nullptr;
}

// The documented rule in its simplest form. An id repeats when it is in one of the `capacity`
// records before, at most `retention_ms` earlier. Times are rounded down to seconds.
class Model {
 public:
  explicit Model(RecentIds::Options options) : options_(options) {}

  [[nodiscard]] bool holds(std::uint64_t number, std::int64_t time_ms) const {
    const std::size_t from = seen_.size() - std::min(seen_.size(), options_.capacity);
    return std::any_of(seen_.begin() + static_cast<std::ptrdiff_t>(from), seen_.end(),
                       [&](const Seen& each) {
                         return each.number == number &&
                                each.time_ms / 1000 * 1000 >= time_ms - options_.retention_ms;
                       });
  }
  bool see(std::uint64_t number, std::int64_t time_ms) {
    const bool is_repeat = holds(number, time_ms);
    seen_.push_back({number, time_ms});
    return is_repeat;
  }

 private:
  const RecentIds::Options options_;
  std::vector<Seen> seen_;
};

constexpr std::int64_t kStartMs = 1'790'000'000'123;

TEST(RecentIdsTest, AnIdRepeatsOnceItWasSeen) {
  RecentIds ids({});
  EXPECT_FALSE(holds(ids, numbered_id(1), kStartMs));
  EXPECT_FALSE(see(ids, numbered_id(1), kStartMs));
  EXPECT_TRUE(holds(ids, numbered_id(1), kStartMs));
  EXPECT_TRUE(see(ids, numbered_id(1), kStartMs + 5));
  EXPECT_FALSE(see(ids, numbered_id(2), kStartMs + 5));
  EXPECT_EQ(ids.size(), 3U) << "every occurrence counts";
}

TEST(RecentIdsTest, HoldsChangesNothing) {
  RecentIds ids({.capacity = 2, .retention_ms = 1000});
  see(ids, numbered_id(1), kStartMs);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(holds(ids, numbered_id(2), kStartMs + 60'000));
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_TRUE(holds(ids, numbered_id(1), kStartMs));
}

TEST(RecentIdsTest, AnIdIsKnownForAsManyRecordsAsTheCapacity) {
  for (const std::size_t capacity : {1U, 2U, 3U, 1000U, 1024U, 1025U}) {
    for (const bool is_within : {true, false}) {
      RecentIds ids({.capacity = capacity, .retention_ms = 60'000});
      see(ids, numbered_id(0), kStartMs);
      const std::uint64_t others = capacity - (is_within ? 1 : 0);
      for (std::uint64_t i = 0; i < others; ++i) see(ids, numbered_id(1000 + i), kStartMs);
      EXPECT_EQ(holds(ids, numbered_id(0), kStartMs), is_within) << capacity;
      EXPECT_EQ(see(ids, numbered_id(0), kStartMs), is_within) << capacity;
    }
  }
}

TEST(RecentIdsTest, AnIdIsKnownForItsRetention) {
  for (const auto& [later_ms, is_within] : {std::pair(0, true),
                                            {9'000, true},
                                            {10'000 - 123, true},
                                            {10'001, false},
                                            {11'000, false}}) {
    RecentIds ids({.capacity = 100, .retention_ms = 10'000});
    see(ids, numbered_id(0), kStartMs);
    EXPECT_EQ(holds(ids, numbered_id(0), kStartMs + later_ms), is_within) << later_ms;
    EXPECT_EQ(see(ids, numbered_id(0), kStartMs + later_ms), is_within) << later_ms;
  }
}

TEST(RecentIdsTest, ARepeatIsRememberedFromItsLastOccurrence) {
  RecentIds ids({.capacity = 4, .retention_ms = 60'000});
  see(ids, numbered_id(0), kStartMs);
  for (std::uint64_t i = 1; i < 20; ++i) {
    EXPECT_FALSE(see(ids, numbered_id(i), kStartMs));
    EXPECT_TRUE(see(ids, numbered_id(0), kStartMs)) << i;
  }
}

TEST(RecentIdsTest, SimilarIdsAreDistinguished) {
  RecentIds ids({.capacity = 10'000, .retention_ms = 60'000});
  for (std::size_t byte = 0; byte < 16; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      base::Uuid id;
      id.bytes[byte] = static_cast<std::uint8_t>(1 << bit);
      EXPECT_FALSE(see(ids, id, kStartMs));
    }
  }
  EXPECT_FALSE(see(ids, base::Uuid(), kStartMs));
  EXPECT_TRUE(see(ids, base::Uuid(), kStartMs));
}

TEST(RecentIdsTest, AClearedOneIsLikeNew) {
  RecentIds ids({.capacity = 100, .retention_ms = 60'000});
  for (std::uint64_t i = 0; i < 150; ++i) see(ids, numbered_id(i), kStartMs);
  ids.clear();
  EXPECT_EQ(ids.size(), 0U);
  EXPECT_FALSE(holds(ids, numbered_id(149), kStartMs));
  for (std::uint64_t i = 0; i < 150; ++i) {
    EXPECT_FALSE(see(ids, numbered_id(i), kStartMs - 90'000));
  }
  EXPECT_TRUE(see(ids, numbered_id(149), kStartMs - 90'000));
}

// A log of random ids. It has near and far repeats, and times that stay, creep and leap.
std::vector<Seen> draw_log(std::mt19937_64& random, std::size_t size, std::uint64_t ids) {
  std::vector<Seen> log;
  std::int64_t time_ms = kStartMs + static_cast<std::int64_t>(random() % 1000);
  for (std::size_t i = 0; i < size; ++i) {
    const auto kind = random() % 100;
    if (kind < 40) time_ms += static_cast<std::int64_t>(random() % 100);
    if (kind == 99) time_ms += static_cast<std::int64_t>(random() % 20'000);
    const bool is_recent = !log.empty() && random() % 3 == 0;
    const std::uint64_t number =
        is_recent ? log[log.size() - 1 - random() % std::min<std::size_t>(log.size(), 50)].number
                  : random() % ids;
    log.push_back({number, time_ms});
  }
  return log;
}

TEST(RecentIdsTest, FollowsTheDocumentedRuleOverRandomLogs) {
  std::mt19937_64 random(test::drawn_seed());
  for (int round = 0; round < 40; ++round) {
    const RecentIds::Options options{.capacity = 1 + random() % (round % 4 == 0 ? 1500 : 40),
                                     .retention_ms = static_cast<std::int64_t>(random() % 30'000)};
    RecentIds ids(options);
    Model model(options);
    const auto log = draw_log(random, 3000, round % 2 == 0 ? 60 : 2000);
    for (std::size_t i = 0; i < log.size(); ++i) {
      const auto& [number, time_ms] = log[i];
      const std::uint64_t other = random() % 60;
      ASSERT_EQ(holds(ids, numbered_id(other), time_ms), model.holds(other, time_ms))
          << "record " << i << ", capacity " << options.capacity;
      ASSERT_EQ(holds(ids, numbered_id(number), time_ms), model.holds(number, time_ms))
          << "record " << i << ", capacity " << options.capacity;
      ASSERT_EQ(see(ids, numbered_id(number), time_ms), model.see(number, time_ms))
          << "record " << i << ", capacity " << options.capacity << ", retention "
          << options.retention_ms;
      ASSERT_LE(ids.size(), options.capacity + 1);
    }
  }
}

TEST(RecentIdsTest, AReaderThatReadsBackDecidesAsItsPredecessor) {
  std::mt19937_64 random(test::drawn_seed());
  for (int round = 0; round < 30; ++round) {
    const RecentIds::Options options{.capacity = 1 + random() % 300,
                                     .retention_ms = static_cast<std::int64_t>(random() % 20'000)};
    const auto log = draw_log(random, 2000, 150);
    std::vector<bool> decided;
    RecentIds first(options);
    for (const Seen& each : log)
      decided.push_back(see(first, numbered_id(each.number), each.time_ms));
    for (int restart = 0; restart < 10; ++restart) {
      const std::size_t start = random() % log.size();
      // Any place that is early enough is right.
      const std::int64_t from_ms = log[start].time_ms - options.retention_ms - 1000;
      const auto early = static_cast<std::size_t>(
          std::ranges::lower_bound(log, from_ms, {}, &Seen::time_ms) - log.begin());
      const std::size_t back = early == 0 ? 0 : random() % (early + 1);
      RecentIds again(options);
      for (std::size_t i = back; i < start; ++i)
        see(again, numbered_id(log[i].number), log[i].time_ms);
      for (std::size_t i = start; i < log.size(); ++i) {
        ASSERT_EQ(see(again, numbered_id(log[i].number), log[i].time_ms), decided[i])
            << "record " << i << ", read back from " << back << " for " << start;
      }
    }
  }
}

TEST(RecentIdsTest, IdsChosenToCollideAreHandledLikeOthers) {
  // A hash of the two halves without a key would put all these ids into one slot.
  constexpr std::uint64_t kIds = 100'000;
  RecentIds ids({.capacity = kIds, .retention_ms = 1000});
  const auto chosen = [](std::uint64_t number) {
    base::Uuid id;
    const std::uint64_t high = number * 0x9E3779B97F4A7C15ULL;
    const std::uint64_t low = std::rotl(high, 32);
    std::memcpy(id.bytes.data(), &high, sizeof high);
    std::memcpy(id.bytes.data() + 8, &low, sizeof low);
    return id;
  };
  // With all ids in one slot these two loops would take hours.
  for (std::uint64_t i = 0; i < kIds; ++i) ASSERT_FALSE(see(ids, chosen(i), 0));
  for (std::uint64_t i = 0; i < kIds; ++i) ASSERT_TRUE(holds(ids, chosen(i), 0));
}

}  // namespace
}  // namespace estadio
