// The settings of the rule for retries, which is fixed when a contest begins.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/settings.h"
#include "estadio/contest/manifest.h"

namespace estadio {

struct RetryOptions {
  std::optional<std::chrono::nanoseconds> window;  // nothing: as the contest has it
  std::optional<std::int64_t> ids;

  void add_to(base::Settings& settings);
  // `rule` with what is asked for in its place.
  [[nodiscard]] RetryRule applied_to(RetryRule rule) const;
};

}  // namespace estadio
