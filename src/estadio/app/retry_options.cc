#include "estadio/app/retry_options.h"

#include <filesystem>
#include <fmt/format.h>
#include <string>

#include "base/units.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

using std::chrono::milliseconds;

void RetryOptions::add_to(base::Settings& settings) {
  settings.add_parsed(
      "retry-window", "TIME",
      "greatest age of a client's id; in this time an entry that is sent again counts once; fixed "
      "at the contest's first start",
      [this](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(window, base::parse_duration(text, {}, RetryRule::kWindowMax));
        return {};
      },
      [this] { return base::format_duration(window.value_or(RetryRule::kWindowDefault)); });
}

milliseconds RetryOptions::of_new_contest() const {
  return window ? std::chrono::duration_cast<milliseconds>(*window) : RetryRule::kWindowDefault;
}

base::Result<void> RetryOptions::check(milliseconds of_contest) const {
  if (!window || of_new_contest() == of_contest) return {};
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format("the contest began with retry-window {}, which cannot change; got {}",
                  base::format_duration(of_contest), base::format_duration(of_new_contest())));
}

void IdMemoryOptions::add_to(base::Settings& settings) {
  add_memory_to(settings);
  settings.add("retry-folder", folder, "DIR",
               "folder for the ids beyond retry-memory; default: TMPDIR, or /tmp");
}

void IdMemoryOptions::add_memory_to(base::Settings& settings) {
  settings.add(
      "retry-memory", memory,
      "memory for clients' ids of the retry window, about 28 bytes each; more are in files");
}

IdMemory::Options IdMemoryOptions::to_options() const {
  return {.bytes_max = memory.count,
          .folder = folder.empty() ? std::filesystem::temp_directory_path().string() : folder,
          .folder_setting = "--retry-folder"};
}

}  // namespace estadio
