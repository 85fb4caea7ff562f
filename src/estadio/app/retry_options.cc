#include "estadio/app/retry_options.h"

#include <string>

#include "base/units.h"

namespace estadio {

void RetryOptions::add_to(base::Settings& settings) {
  settings.add_parsed(
      "retry-window", "TIME",
      "time in which an id that a client sends again counts once; fixed at the contest's first "
      "start",
      [this](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(window, base::parse_duration(text, {}, RetryRule::kWindowMax));
        return {};
      },
      [this] { return base::format_duration(window.value_or(RetryRule().window)); });
  settings.add_parsed(
      "retry-ids", "N",
      "clients' ids that are remembered, 24 to 48 bytes each; fixed at the contest's first start",
      [this](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(ids, base::parse_integer(text, 1, 1'000'000'000));
        return {};
      },
      [this] { return std::to_string(ids.value_or(RetryRule().ids)); });
}

RetryRule RetryOptions::applied_to(RetryRule rule) const {
  if (window) rule.window = std::chrono::duration_cast<std::chrono::milliseconds>(*window);
  if (ids) rule.ids = *ids;
  return rule;
}

}  // namespace estadio
