// `estadio load`: sends entries to a server at a rate, or as fast as it answers, and says what
// came of it.
//
//   options --> entries, target --> one Generator a thread --> Measurements --merge--> Report
//                                        '--> acks file
//
// Threads: run_load() may be called from any one; it starts the generators' and joins them.
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/load/options.h"
#include "estadio/load/report.h"

namespace estadio {

// Makes the run. Shows its progress on standard error each second when that is a terminal, else
// through `log` every five seconds. A stop request ends it early, and what was measured counts.
// REQUIRES: SIGPIPE is ignored, when the target is https. May raise the process's soft limit of
// open files.
// Errors: kInvalidArgument, naming the setting; kUnavailable, when nobody is there; those of
// writing the acks and the JSON.
[[nodiscard]] base::Result<load::Report> run_load(const LoadOptions& options,
                                                  const base::Clock& clock, base::Logger& log,
                                                  std::stop_token stop);

// 0, also with errors in the report; 1 when not one entry was accepted, or when with retries some
// were given up.
[[nodiscard]] int load_exit_status(const load::Report& report);

}  // namespace estadio
