// The settings of the retry rule, which is fixed when a contest begins.
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
  std::optional<std::chrono::nanoseconds> window;  // nothing: the contest's own
  std::optional<std::int64_t> ids;

  void add_to(base::Settings& settings);
  // Returns `rule` with the given settings in place of its own.
  [[nodiscard]] RetryRule applied_to(RetryRule rule) const;
};

}  // namespace estadio
