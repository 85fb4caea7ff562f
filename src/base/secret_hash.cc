#include "base/secret_hash.h"

#include <array>
#include <sodium.h>

#include "base/check.h"

namespace base {
namespace {

using Key = std::array<unsigned char, crypto_shorthash_KEYBYTES>;

const Key& key_of_process() {
  static const Key key = [] {
    Key drawn{};
    CHECK(sodium_init() >= 0);
    crypto_shorthash_keygen(drawn.data());
    return drawn;
  }();
  return key;
}

}  // namespace

std::uint64_t secret_hash(const Uuid& id) {
  std::uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), id.bytes.data(), id.bytes.size(),
                   key_of_process().data());
  return hash;
}

}  // namespace base
