#include "base/uuid.h"

#include <sodium.h>

#include "base/check.h"

namespace base {
namespace {

constexpr std::array<std::int8_t, 256> make_hex_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < 10; ++i) values['0' + i] = static_cast<std::int8_t>(i);
  for (std::size_t i = 0; i < 6; ++i) {
    values['a' + i] = static_cast<std::int8_t>(10 + i);
    values['A' + i] = static_cast<std::int8_t>(10 + i);
  }
  return values;
}

constexpr std::array<std::array<char, 2>, 256> make_hex_pairs() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < 256; ++i) pairs[i] = {digits[i >> 4], digits[i & 15]};
  return pairs;
}

constexpr auto kHexValues = make_hex_values();
constexpr auto kHexPairs = make_hex_pairs();

// The index of each byte's two digits in the 36 characters.
constexpr std::array<std::uint8_t, 16> kDigitAt = {0,  2,  4,  6,  9,  11, 14, 16,
                                                   19, 21, 24, 26, 28, 30, 32, 34};

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  Uuid uuid;
  int invalid = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const int high = kHexValues[static_cast<std::uint8_t>(text[kDigitAt[i]])];
    const int low = kHexValues[static_cast<std::uint8_t>(text[kDigitAt[i] + 1])];
    invalid |= high | low;
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (invalid < 0) return std::nullopt;
  return uuid;
}

char* Uuid::format_to(char* out) const {
  for (std::size_t i = 0; i < 16; ++i) {
    std::memcpy(out + kDigitAt[i], kHexPairs[bytes[i]].data(), 2);
  }
  out[8] = out[13] = out[18] = out[23] = '-';
  return out + kTextSize;
}

std::string Uuid::to_string() const {
  std::string text(kTextSize, '\0');
  format_to(text.data());
  return text;
}

std::optional<std::int64_t> Uuid::time_ms() const {
  if (version() != 7) return std::nullopt;
  return first_48_bits();
}

std::int64_t Uuid::first_48_bits() const {
  std::int64_t value = 0;
  for (int i = 0; i < 6; ++i) value = value << 8 | bytes[static_cast<std::size_t>(i)];
  return value;
}

UuidGenerator::UuidGenerator() : used_(pool_.size()) { CHECK(sodium_init() >= 0); }

std::uint64_t UuidGenerator::random_word() {
  if (used_ == pool_.size()) {
    randombytes_buf(pool_.data(), sizeof pool_);
    used_ = 0;
  }
  return pool_[used_++];
}

Uuid UuidGenerator::next(std::int64_t wall_ms) {
  Uuid uuid;
  const auto time = static_cast<std::uint64_t>(wall_ms);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(time >> (8 * (5 - i)));
  }
  const std::uint64_t random = random_word();
  std::memcpy(uuid.bytes.data() + 8, &random, sizeof random);
  ++sequence_;
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (sequence_ >> 8 & 0x0f));
  uuid.bytes[7] = static_cast<std::uint8_t>(sequence_);
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
  return uuid;
}

Uuid UuidGenerator::next_marked(std::int64_t wall_ms) {
  Uuid uuid = next(wall_ms);
  uuid.bytes[6] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[6] & 0x0f));
  uuid.bytes[8] = Uuid::kMark[0];
  uuid.bytes[9] = Uuid::kMark[1];
  return uuid;
}

}  // namespace base
