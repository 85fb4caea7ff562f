// The settings of the retry window: how long it is, which is fixed when a contest begins, and where
// its ids are held.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/settings.h"
#include "base/units.h"
#include "estadio/dedup/id_memory.h"

namespace estadio {

struct RetryOptions {
  std::optional<std::chrono::nanoseconds> window;  // nothing: the contest's own

  void add_to(base::Settings& settings);
  // Returns the window of a contest that begins now.
  [[nodiscard]] std::chrono::milliseconds of_new_contest() const;
  // Errors: kFailedPrecondition when the window is given and is not that of the contest.
  [[nodiscard]] base::Result<void> check(std::chrono::milliseconds of_contest) const;
};

struct IdMemoryOptions {
  base::Bytes memory{std::uint64_t{64} << 20};
  std::string folder;  // empty: the system's folder for temporary files

  void add_to(base::Settings& settings);
  // Adds the memory alone, for a role that has a folder of its own.
  void add_memory_to(base::Settings& settings);
  [[nodiscard]] IdMemory::Options to_options() const;
};

}  // namespace estadio
