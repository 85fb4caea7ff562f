#include "estadio/contest/record_chain.h"

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace estadio {
namespace {

static_assert(std::endian::native == std::endian::little);

std::uint64_t link(std::uint64_t before, const LoggedRecord& record) {
  // The line's digest does not need the chain before it. So the processor works on it meanwhile.
  const std::uint64_t fields[] = {before, static_cast<std::uint64_t>(record.offset),
                                  static_cast<std::uint64_t>(record.time_ms),
                                  XXH3_64bits(record.line.data(), record.line.size())};
  return XXH3_64bits(fields, sizeof fields);
}

}  // namespace

void RecordChain::add(std::span<const LoggedRecord> records) {
  for (const LoggedRecord& record : records) {
    before_last = all;
    all = link(before_last, record);
  }
}

bool RecordChain::ends_with(const LoggedRecord& record) const {
  return link(before_last, record) == all;
}

}  // namespace estadio
