#include "estadio/contest/coin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::AllOf;
using testing::HasSubstr;

CoinSeed counting_seed() {
  CoinSeed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
  return seed;
}

TEST(CoinTest, IsSipHash24OfTheId) {
  // The authors' reference vectors (vectors_sip64 in their vectors.h): key 00..0f, message 00..0f.
  constexpr std::uint64_t kReference = 0x3f2acc7f57c29bdb;
  base::Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(i);
  const Coin::Toss toss = Coin(counting_seed()).toss(id);
  EXPECT_EQ(toss.outcome, (kReference & 1) != 0 ? Outcome::kWinner : Outcome::kLoser);
  EXPECT_EQ(toss.spread, kReference >> 32);
}

TEST(CoinTest, TheCommitmentIsTheSha256OfTheRevealedSeed) {
  const Coin coin(counting_seed());
  EXPECT_EQ(coin.reveal(), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(coin.commitment(), "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991");
}

TEST(CoinTest, TheSameIdHasTheSameTossAndAnotherSeedHasOtherTosses) {
  const Coin coin(counting_seed());
  const Coin same(counting_seed());
  CoinSeed seed = counting_seed();
  seed[15] ^= 1;
  const Coin other(seed);
  int changed = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const base::Uuid id = test::numbered_id(i);
    EXPECT_EQ(coin.toss(id).outcome, same.toss(id).outcome);
    EXPECT_EQ(coin.toss(id).spread, same.toss(id).spread);
    changed += coin.toss(id).outcome != other.toss(id).outcome ? 1 : 0;
  }
  EXPECT_GT(changed, 400);
  EXPECT_LT(changed, 600);
}

TEST(CoinTest, IsFairAndSpreadsBothOutcomesEvenlyOverPartitions) {
  constexpr int kIds = 100'000;
  const Coin coin(counting_seed());
  for (const int partitions : {1, 2, 3, 7, 256}) {
    std::vector<std::array<int, 2>> counts(static_cast<std::size_t>(partitions));
    for (std::uint64_t i = 0; i < kIds; ++i) {
      const Coin::Toss toss = coin.toss(test::numbered_id(i));
      const int partition = toss.partition(partitions);
      ASSERT_GE(partition, 0);
      ASSERT_LT(partition, partitions);
      ++counts[static_cast<std::size_t>(partition)][static_cast<std::size_t>(toss.outcome)];
    }
    int winners = 0;
    const double expected = kIds / 2.0 / partitions;
    for (const auto& [won, lost] : counts) {
      winners += won;
      // Eight standard deviations.
      EXPECT_NEAR(won, expected, 8 * std::sqrt(expected)) << partitions;
      EXPECT_NEAR(lost, expected, 8 * std::sqrt(expected)) << partitions;
    }
    EXPECT_NEAR(winners, kIds / 2, 1300);
  }
}

TEST(CoinTest, TheEndsOfTheSpreadAreTheEndPartitions) {
  EXPECT_EQ((Coin::Toss{.outcome = Outcome::kWinner, .spread = 0}.partition(3)), 0);
  EXPECT_EQ((Coin::Toss{.outcome = Outcome::kWinner, .spread = UINT32_MAX}.partition(3)), 2);
  EXPECT_EQ((Coin::Toss{.outcome = Outcome::kWinner, .spread = UINT32_MAX}.partition(256)), 255);
}

class CoinSeedTest : public testing::Test {
 protected:
  test::TempFolder folder_;
  const std::string path_ = folder_ / "coin.seed";
};

TEST_F(CoinSeedTest, IsDrawnAndKept) {
  const auto drawn = draw_and_keep_coin_seed(path_);
  ASSERT_TRUE(drawn) << drawn.error().message();
  EXPECT_EQ(*load_coin_seed(path_), *drawn);
  EXPECT_EQ(test::read_file(path_), Coin(*drawn).reveal() + "\n");
  const auto other = draw_and_keep_coin_seed(folder_ / "other.seed");
  ASSERT_TRUE(other);
  EXPECT_NE(*other, *drawn);
}

TEST_F(CoinSeedTest, IsReadableByItsOwnerAlone) {
  const mode_t old = ::umask(0);
  const auto drawn = draw_and_keep_coin_seed(path_);
  ::umask(old);
  ASSERT_TRUE(drawn);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "something else was left behind";
}

TEST_F(CoinSeedTest, ASeedThatWasThereBeforeIsNotUsed) {
  test::write_file(path_, Coin(counting_seed()).reveal() + "\n");
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  const auto drawn = draw_and_keep_coin_seed(path_);
  ASSERT_TRUE(drawn) << drawn.error().message();
  EXPECT_NE(*drawn, counting_seed());
  EXPECT_EQ(*load_coin_seed(path_), *drawn);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(CoinSeedTest, MayBeInTheCurrentFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const auto drawn = draw_and_keep_coin_seed("coin.seed");
  std::filesystem::current_path(before);
  EXPECT_TRUE(drawn) << drawn.error().message();
}

TEST_F(CoinSeedTest, AMissingSeedIsNotFound) {
  const auto missing = load_coin_seed(path_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::Code::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr(path_));
}

TEST_F(CoinSeedTest, ADamagedSeedIsRefusedAndUnchanged) {
  const std::string good = Coin(counting_seed()).reveal();
  for (const std::string& text :
       {std::string(), std::string("\n"), good.substr(1), good.substr(2), good + "0", good + "00",
        good + "\nmore", "0x" + good, good.substr(0, 31) + "g", std::string(10'000, 'a'),
        std::string(16, '\0')}) {
    test::write_file(path_, text);
    const auto loaded = load_coin_seed(path_);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().code(), base::Code::kCorruption) << loaded.error().message();
    EXPECT_THAT(loaded.error().message(), AllOf(HasSubstr(path_), HasSubstr("32 hexadecimal")));
    EXPECT_EQ(test::read_file(path_), text);
  }
  for (const std::string& text : {good, good + "\n"}) {
    test::write_file(path_, text);
    EXPECT_EQ(load_coin_seed(path_).value(), counting_seed());
  }
}

TEST_F(CoinSeedTest, NoSeedIsDrawnWhenItCannotBeStored) {
  const auto drawn = draw_and_keep_coin_seed(folder_ / "nowhere/coin.seed");
  ASSERT_FALSE(drawn);
  EXPECT_THAT(drawn.error().message(), HasSubstr("nowhere/coin.seed"));
}

}  // namespace
}  // namespace estadio
