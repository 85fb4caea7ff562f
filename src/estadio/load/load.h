// `estadio load`: sends entries to a server at a rate, or as fast as it answers, and says what
// came of it.
//
//   options --> entries, target --> one Generator a thread --> Measurements --merge--> Report
//                                        '--> acks file
//
// Threads: run_load() may be called from any one; it starts the generators' and joins them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/settings.h"
#include "estadio/load/report.h"

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
  std::string entries;  // a file; generated when empty
  std::string acks;     // a file; none when empty
  std::string json;     // a file, "-" for standard output; none when empty
  std::int64_t seed = 0;  // of generated entries; 0 draws one
  std::string tls_ca;
  bool tls_insecure = false;

  // What entries are generated of.
  std::vector<std::string> faculties;
  std::vector<std::int64_t> disciplines;
};

// Declares the command's settings; `options` holds the defaults and must outlive `settings`.
void add_load_settings(base::Settings& settings, LoadOptions& options);

// Makes the run. Shows its progress on standard error each second when that is a terminal, else
// through `log` every five seconds. A stop request ends it early, and what was measured counts.
// REQUIRES: SIGPIPE is ignored, when the target is https. May raise the process's soft limit of
// open files.
// Errors: kInvalidArgument, naming the setting; kUnavailable, when nobody is there; those of
// writing the acks and the JSON.
[[nodiscard]] base::Result<load::Report> run_load(const LoadOptions& options,
                                                  const base::Clock& clock, base::Logger& log,
                                                  std::stop_token stop);

// 0, also with errors in the report; 1 when not one request was answered.
[[nodiscard]] int load_exit_status(const load::Report& report);

}  // namespace estadio
