// The limits on entries of a role's HTTP edge, as settings.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "base/settings.h"
#include "base/units.h"
#include "estadio/faculty/faculty_service.h"
#include "service/http_options.h"

namespace estadio {

// The bounds of the setting durability-timeout.
inline constexpr std::chrono::milliseconds kDurabilityTimeoutMin{100};
inline constexpr std::chrono::minutes kDurabilityTimeoutMax{10};

struct EdgeOptions {
  std::int64_t max_entries = 10'000;
  base::Bytes max_in_flight{std::uint64_t{64} << 20};
  std::chrono::nanoseconds durability_timeout = std::chrono::seconds(10);

  void add_to(base::Settings& settings);
  // Checks that the largest body may be in flight. Errors: kInvalidArgument.
  [[nodiscard]] base::Result<void> check(const service::HttpOptions& http) const;
  [[nodiscard]] FacultyEdge::Limits to_limits() const;
};

}  // namespace estadio
