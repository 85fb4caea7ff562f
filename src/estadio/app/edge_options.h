// The limits on entries of a role's HTTP edge, as settings.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "base/settings.h"
#include "base/units.h"
#include "estadio/app/http_options.h"
#include "estadio/faculty/faculty_service.h"

namespace estadio {

struct EdgeOptions {
  std::int64_t max_entries = 10'000;
  base::Bytes max_in_flight{std::uint64_t{64} << 20};
  std::chrono::nanoseconds durability_timeout = std::chrono::seconds(10);

  void add_to(base::Settings& settings);
  [[nodiscard]] base::Result<void> check(const HttpOptions& http) const;
  [[nodiscard]] FacultyEdge::Limits to_limits() const;
};

}  // namespace estadio
