// What the simulations share: random choices, and running many seeds at once.
//
// For tests only. Threads: a Choices belongs to one thread.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/uuid.h"

namespace estadio::test {

// The random choices of a run.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed) {}
  // An id of version 7 with this time, or of version 4.
  base::Uuid id_of_version_7(std::int64_t time_ms) {
    base::Uuid id = id_of_version_4();
    for (std::size_t i = 0; i < 6; ++i) {
      id.bytes[i] = static_cast<std::uint8_t>(time_ms >> (8 * (5 - i)));
    }
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | (id.bytes[6] & 0x0F));
    return id;
  }
  base::Uuid id_of_version_4() {
    base::Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random_());
    id.bytes[6] = static_cast<std::uint8_t>(0x40 | (id.bytes[6] & 0x0F));
    id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3F));
    return id;
  }
  // From `least` to `most`, both included.
  std::int64_t range(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  // How far a clock is ahead: up to 20 seconds, or up to two hours.
  std::int64_t clock_error_ms() {
    return one_in(2) ? range(-20'000, 20'000) : range(-7'200'000, 7'200'000);
  }
  bool one_in(std::int64_t n) { return range(1, n) == 1; }
  template <class Container>
  auto& among(Container& all) {
    return all[static_cast<std::size_t>(range(0, std::ssize(all) - 1))];
  }

 private:
  std::mt19937_64 random_;
};

inline std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::stoull(given);
}

// Runs the seeds from SIMULATION_FIRST on, in all processors: SIMULATION_SEEDS of them, or 2000. A
// simulation with a higher `cost` runs as many times fewer. Returns the first seed found for which
// `fails` is true.
inline std::optional<std::uint64_t> failing_seed(std::uint64_t cost,
                                                 const std::function<bool(std::uint64_t)>& fails) {
  std::atomic<std::uint64_t> next = setting("SIMULATION_FIRST", 1);
  const std::uint64_t end = next + setting("SIMULATION_SEEDS", 2000) / cost;
  std::atomic<std::uint64_t> failed = UINT64_MAX;
  {
    std::vector<std::jthread> threads(std::max(1U, std::thread::hardware_concurrency()));
    for (std::jthread& thread : threads) {
      thread = std::jthread([&] {
        while (failed == UINT64_MAX) {
          const std::uint64_t seed = next++;
          if (seed >= end) return;
          if (fails(seed)) failed = seed;
        }
      });
    }
  }
  if (failed == UINT64_MAX) return std::nullopt;
  return failed.load();
}

}  // namespace estadio::test
