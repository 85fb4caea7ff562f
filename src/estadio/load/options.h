// The options of `estadio load` and their settings.
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/settings.h"

namespace estadio {

struct LoadOptions {
  std::string url;
  std::optional<std::int64_t> rate = 10'000;  // entries a second; none: closed loop
  std::chrono::nanoseconds duration = std::chrono::seconds(10);
  std::int64_t connections = 64;
  std::int64_t threads = 1;
  std::int64_t batch = 1;  // entries a request
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  bool retry = false;
  std::chrono::nanoseconds retry_for = std::chrono::seconds(30);
  std::string entries;    // a file; generated when empty
  std::string acks;       // a file; none when empty
  std::string json;       // a file, "-" for standard output; none when empty
  std::int64_t seed = 0;  // for generated entries; 0 draws one
  std::string tls_ca;
  bool tls_insecure = false;

  // The pairs of which entries are generated.
  std::vector<std::string> faculties;
  std::vector<std::int64_t> disciplines;
};

// Declares the command's settings; `options` holds the defaults and must outlive `settings`.
void add_load_settings(base::Settings& settings, LoadOptions& options);

// Checks each option against the others. Errors: kInvalidArgument, naming the setting.
[[nodiscard]] base::Result<void> check_load_options(const LoadOptions& options);

}  // namespace estadio
