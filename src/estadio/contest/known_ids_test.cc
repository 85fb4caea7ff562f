#include "estadio/contest/known_ids.h"

#include <gtest/gtest.h>

#include <thread>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

constexpr std::int64_t kNowMs = test::TestClock::kStartMs;

EntryBatch batch_of(std::uint64_t from, std::uint64_t until, bool is_given) {
  EntryBatch batch;
  for (std::uint64_t i = from; i < until; ++i) {
    batch.entries.push_back({.id = test::numbered_id(i), .is_id_given = is_given});
  }
  return batch;
}

// Adds the ids of a batch that was logged whole.
void add(KnownIds& known, const EntryBatch& batch) {
  known.add(batch, std::vector<Verdict>(batch.entries.size()), kNowMs);
}

std::vector<Verdict> marked(const KnownIds& known, const EntryBatch& batch, std::int64_t now_ms) {
  std::vector<Verdict> verdicts(batch.entries.size(), Verdict{.is_repeated = true});
  known.mark_known(batch, verdicts, now_ms);
  return verdicts;
}

TEST(KnownIdsTest, MarksAddedIdsAndUnmarksOthers) {
  KnownIds known(60'000);
  add(known, batch_of(0, 5, true));
  const auto verdicts = marked(known, batch_of(0, 10, true), kNowMs + 1000);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(verdicts[i].is_repeated, i < 5) << i;
}

TEST(KnownIdsTest, IdsThatTheServerGaveAreNeitherKeptNorMarked) {
  KnownIds known(60'000);
  add(known, batch_of(0, 5, false));
  EXPECT_FALSE(marked(known, batch_of(0, 5, true), kNowMs)[0].is_repeated);
  add(known, batch_of(0, 5, true));
  EXPECT_FALSE(marked(known, batch_of(0, 5, false), kNowMs)[0].is_repeated);
}

TEST(KnownIdsTest, AnIdThatWasNotLoggedStaysUnknown) {
  KnownIds known(60'000);
  using Durability = Verdict::Durability;
  std::vector<Verdict> verdicts(5);
  verdicts[0].durability = Durability::kNotInTime;
  verdicts[1].durability = Durability::kConflict;
  verdicts[2].durability = Durability::kOver;
  verdicts[3].durability = Durability::kKept;
  known.add(batch_of(0, 5, true), verdicts, kNowMs);
  const auto known_now = marked(known, batch_of(0, 5, true), kNowMs);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(known_now[i].is_repeated, i >= 3) << i;
}

TEST(KnownIdsTest, AKnownIdWithAnotherContentIsAConflict) {
  KnownIds known(60'000);
  EntryBatch first = batch_of(1, 2, true);
  add(known, first);
  EntryBatch other = first;
  other.entries[0].discipline = 1;
  const auto verdicts = marked(known, other, kNowMs);
  EXPECT_FALSE(verdicts[0].is_repeated);
  EXPECT_EQ(verdicts[0].durability, Verdict::Durability::kConflict);
  EXPECT_EQ(verdicts[0].conflict, EntryField::kDiscipline);
  add(known, other);
  EXPECT_TRUE(marked(known, first, kNowMs)[0].is_repeated) << "the first content stays";
}

TEST(KnownIdsTest, AfterForgettingNoIdIsKnown) {
  KnownIds known(60'000);
  add(known, batch_of(0, 3, true));
  known.forget();
  const EntryBatch batch = batch_of(0, 4, true);
  for (const Verdict& verdict : marked(known, batch, kNowMs)) EXPECT_FALSE(verdict.is_repeated);
  add(known, batch_of(0, 1, true));
  EXPECT_TRUE(marked(known, batch_of(0, 1, true), kNowMs)[0].is_repeated);
}

TEST(KnownIdsTest, MayBeUsedFromManyThreads) {
  KnownIds known(60'000);
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&known, thread] {
      for (std::uint64_t i = 0; i < 200; ++i) {
        const EntryBatch batch = batch_of(thread * 1000 + i, thread * 1000 + i + 1, true);
        add(known, batch);
        EXPECT_TRUE(marked(known, batch, kNowMs)[0].is_repeated);
        static_cast<void>(marked(known, batch_of(0, 5, true), kNowMs - 10'000));
      }
    });
  }
}

}  // namespace
}  // namespace estadio
