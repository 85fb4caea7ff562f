#include "estadio/contest/coin.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fmt/format.h>
#include <sodium.h>

#include "base/check.h"
#include "base/files.h"
#include "base/unique_fd.h"

namespace estadio {
namespace {

std::string hex(const std::uint8_t* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

}  // namespace

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<CoinSeed>);

Coin::Coin(const CoinSeed& seed) : seed_(seed) { CHECK(sodium_init() >= 0); }

Coin::Toss Coin::toss(const base::Uuid& id) const {
  std::array<std::uint8_t, crypto_shorthash_BYTES> bytes;
  crypto_shorthash(bytes.data(), id.bytes.data(), id.bytes.size(), seed_.data());
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash |= std::uint64_t{bytes[i]} << (8 * i);
  return {.outcome = (hash & 1) != 0 ? Outcome::kWinner : Outcome::kLoser,
          .spread = static_cast<std::uint32_t>(hash >> 32)};
}

std::string Coin::commitment() const {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), seed_.data(), seed_.size());
  return hex(digest.data(), digest.size());
}

std::string Coin::reveal() const { return hex(seed_.data(), seed_.size()); }

CoinSeed draw_coin_seed() {
  CHECK(sodium_init() >= 0);
  CoinSeed seed;
  randombytes_buf(seed.data(), seed.size());
  return seed;
}

std::optional<CoinSeed> parse_coin_seed(std::string_view text) {
  CoinSeed seed{};
  std::size_t used = 0;
  const char* end = nullptr;
  const bool is_hex =
      sodium_hex2bin(seed.data(), seed.size(), text.data(), text.size(), "\n", &used, &end) == 0;
  if (!is_hex || used != seed.size() || end != text.data() + text.size()) return std::nullopt;
  return seed;
}

base::Result<CoinSeed> load_coin_seed(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail(base::Error::from_errno("opening the coin's seed " + path, errno));
  std::array<char, 64> text{};
  const auto size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) {
    return base::fail(base::Error::from_errno("reading the coin's seed " + path, errno));
  }
  const auto seed = parse_coin_seed(std::string_view(text.data(), static_cast<std::size_t>(size)));
  if (!seed) {
    return base::fail(base::Code::kCorruption,
                      fmt::format("{}: expected 32 hexadecimal digits, the coin's seed", path));
  }
  return *seed;
}

base::Result<CoinSeed> draw_and_keep_coin_seed(const std::string& path) {
  const CoinSeed seed = draw_coin_seed();
  if (auto kept = base::replace_file(path, hex(seed.data(), seed.size()) + "\n", 0600); !kept) {
    return base::fail(std::move(kept).error().within("keeping the coin's seed"));
  }
  return seed;
}

}  // namespace estadio
