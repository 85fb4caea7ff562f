// UUIDs: text to bytes and back, the fields of version 7 (RFC 9562), and that no two are the same.
#include "base/uuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace base {
namespace {

constexpr std::string_view kText = "0193b3e4-7c1a-7def-8abc-0123456789ab";

TEST(UuidTest, TextBecomesBytesInTheOrderTheyAreWritten) {
  const auto uuid = Uuid::parse(kText);
  ASSERT_TRUE(uuid);
  const std::array<std::uint8_t, 16> expected = {0x01, 0x93, 0xb3, 0xe4, 0x7c, 0x1a, 0x7d, 0xef,
                                                 0x8a, 0xbc, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
  EXPECT_EQ(uuid->bytes, expected);
}

TEST(UuidTest, EitherCaseIsReadAndLowerCaseIsWritten) {
  std::string upper(kText);
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto uuid = Uuid::parse(upper);
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->to_string(), kText);
  EXPECT_EQ(uuid, Uuid::parse(kText));
}

TEST(UuidTest, AnyBytesComeBackFromTheirText) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    Uuid uuid;
    for (auto& byte : uuid.bytes) byte = static_cast<std::uint8_t>(random());
    ASSERT_EQ(Uuid::parse(uuid.to_string()), uuid);
  }
}

TEST(UuidTest, OnlyTheCanonicalFormIsRead) {
  for (const std::string_view text :
       {"", "0193b3e4-7c1a-7def-8abc-0123456789a", "0193b3e4-7c1a-7def-8abc-0123456789abc",
        "0193b3e47c1a7def8abc0123456789ab", "{0193b3e4-7c1a-7def-8abc-0123456789a}",
        "0193b3e4_7c1a-7def-8abc-0123456789ab", "0193b3e4-7c1a-7def-8abc-0123456789ag",
        "0193b3e47-c1a-7def-8abc-0123456789ab", " 193b3e4-7c1a-7def-8abc-0123456789ab",
        "+193b3e4-7c1a-7def-8abc-0123456789ab", "0193b3e4-7c1a-7def-8abc-012345678\xC3\xA9z"}) {
    EXPECT_EQ(Uuid::parse(text), std::nullopt) << text;
  }
}

TEST(UuidTest, EveryCharacterIsChecked) {
  for (std::size_t i = 0; i < kText.size(); ++i) {
    std::string text(kText);
    text[i] = 'x';
    EXPECT_EQ(Uuid::parse(text), std::nullopt) << text;
    text[i] = '\0';
    EXPECT_EQ(Uuid::parse(text), std::nullopt) << i;
  }
}

TEST(UuidTest, OnlyVersion7CarriesATime) {
  EXPECT_EQ(Uuid::parse(kText)->version(), 7);
  EXPECT_EQ(Uuid::parse(kText)->time_ms(), 0x0193b3e47c1aLL);
  EXPECT_EQ(Uuid::parse("ffffffff-ffff-7fff-bfff-ffffffffffff")->time_ms(), 0xffffffffffffLL);
  EXPECT_EQ(Uuid::parse("f47ac10b-58cc-4372-a567-0e02b2c3d479")->version(), 4);
  EXPECT_EQ(Uuid::parse("f47ac10b-58cc-4372-a567-0e02b2c3d479")->time_ms(), std::nullopt);
}

TEST(UuidGeneratorTest, FieldsAreThoseOfVersion7) {
  UuidGenerator generator;
  for (const std::int64_t ms :
       {std::int64_t{0}, std::int64_t{1'795'446'245'678}, std::int64_t{0xffffffffffff}}) {
    for (int i = 0; i < 5000; ++i) {
      const Uuid uuid = generator.next(ms);
      ASSERT_EQ(uuid.version(), 7);
      ASSERT_EQ(uuid.bytes[8] >> 6, 2);  // the variant
      ASSERT_EQ(uuid.time_ms(), ms);
    }
  }
}

TEST(UuidGeneratorTest, WithinAMillisecondTheSequenceAscendsUntilItWraps) {
  UuidGenerator generator;
  const auto sequence = [&] {
    const Uuid uuid = generator.next(1'000);
    return (uuid.bytes[6] & 0x0f) << 8 | uuid.bytes[7];
  };
  int last = sequence();
  for (int i = 0; i < 10'000; ++i) {
    const int next = sequence();
    ASSERT_EQ(next, (last + 1) % 4096);
    last = next;
  }
}

TEST(UuidGeneratorTest, AMillionOfOneMillisecondFromFourGeneratorsAreAllDifferent) {
  constexpr std::size_t kEach = 250'000;
  std::vector<std::array<std::uint8_t, 16>> made(4 * kEach);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        UuidGenerator generator;
        for (std::size_t i = 0; i < kEach; ++i) made[t * kEach + i] = generator.next(1'000).bytes;
      });
    }
  }
  std::ranges::sort(made);
  EXPECT_EQ(std::ranges::adjacent_find(made), made.end());
}

TEST(UuidGeneratorTest, AMarkedIdDiffersFromAllOthersAndKeepsItsTime) {
  UuidGenerator generator;
  for (int i = 0; i < 1000; ++i) {
    const Uuid marked = generator.next_marked(0x0123'4567'89ab);
    EXPECT_TRUE(marked.is_marked());
    EXPECT_EQ(marked.version(), 8);
    EXPECT_TRUE(marked.to_string().starts_with("01234567-89ab-8")) << marked.to_string();
    EXPECT_FALSE(generator.next(1'000).is_marked());
  }
}

TEST(UuidGeneratorTest, TheRandomBitsAreNotStuck) {
  UuidGenerator generator;
  std::uint64_t ever_set = 0;
  std::uint64_t always_set = ~std::uint64_t{0};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t low = generator.next(1'000).low();
    ever_set |= low;
    always_set &= low;
  }
  // All bits except the two of the variant, which are the first byte's top bits.
  EXPECT_EQ(ever_set, ~std::uint64_t{0x40});
  EXPECT_EQ(always_set, std::uint64_t{0x80});
}

}  // namespace
}  // namespace base
