#include "estadio/app/edge_options.h"

namespace estadio {

void EdgeOptions::add_to(base::Settings& settings) {
  settings.add("max-entries", max_entries, 1, 1'000'000,
               "most entries in a request; a request with more gets 413");
  settings.add("max-in-flight", max_in_flight,
               "bytes of all results that are not durable yet; beyond it requests get 429");
  settings.add("durability-timeout", durability_timeout, kDurabilityTimeoutMin,
               kDurabilityTimeoutMax,
               "longest wait until an entry is durable; after it the request gets 504");
}

base::Result<void> EdgeOptions::check(const service::HttpOptions& http) const {
  if (http.max_body.count >= 1024 && http.max_body.count <= max_in_flight.count) return {};
  return base::fail(base::Code::kInvalidArgument,
                    "max-body: expected 1KiB or more, and at most max-in-flight");
}

FacultyEdge::Limits EdgeOptions::to_limits() const {
  return {.entries_per_request = static_cast<std::size_t>(max_entries),
          .in_flight_bytes = max_in_flight.count,
          .durability_timeout = durability_timeout};
}

}  // namespace estadio
