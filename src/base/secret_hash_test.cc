#include "base/secret_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <sodium.h>

namespace base {
namespace {

Uuid id_with_bit(std::size_t bit) {
  Uuid id;
  id.bytes[bit / 8] = static_cast<std::uint8_t>(1 << (bit % 8));
  return id;
}

TEST(SecretHashTest, AnIdHasOneHashInAProcess) {
  EXPECT_EQ(secret_hash(id_with_bit(3)), secret_hash(id_with_bit(3)));
}

TEST(SecretHashTest, EveryBitOfAnIdMatters) {
  std::set<std::uint64_t> hashes{secret_hash(Uuid())};
  for (std::size_t bit = 0; bit < 128; ++bit) hashes.insert(secret_hash(id_with_bit(bit)));
  EXPECT_EQ(hashes.size(), 129U);
}

// Tables use the lowest bits. Ids that count up must not fall into a few slots.
TEST(SecretHashTest, SimilarIdsSpreadOverTheSlotsOfATable) {
  std::set<std::uint64_t> slots;
  for (std::uint8_t i = 0; i < 128; ++i) {
    Uuid id;
    id.bytes[15] = i;
    slots.insert(secret_hash(id) & 127);
  }
  EXPECT_GT(slots.size(), 50U);  // 81 on average
}

// Else a client could compute which ids collide.
TEST(SecretHashTest, TheKeyIsDrawn) {
  const std::array<unsigned char, crypto_shorthash_KEYBYTES> zeros{};
  const Uuid id = id_with_bit(3);
  std::uint64_t known = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&known), id.bytes.data(), id.bytes.size(),
                   zeros.data());
  EXPECT_NE(secret_hash(id), known);
}

}  // namespace
}  // namespace base
