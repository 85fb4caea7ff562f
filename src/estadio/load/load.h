// `estadio load`: sends entries to a server, at a rate or as fast as it answers, and reports the
// figures.
//
//   options --> entries, target --> one Generator per thread --> Measurements --merge--> Report
//                                        '--> acks file
//
// Threads: any thread may call run_load(). It starts the generators' threads and joins them.
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/load/options.h"
#include "estadio/load/report.h"

namespace estadio {

// Makes the run and returns its report. Shows the progress on standard error each second when that
// is a terminal, else through `log` every five seconds. A stop request ends the run early; the
// report then has the figures so far. May raise the process's soft limit of open files.
// REQUIRES: SIGPIPE is ignored when the target is https.
// Errors: kInvalidArgument, naming the setting; kUnavailable when the host is unknown or no
// connection opens; those of writing the acks and the JSON.
[[nodiscard]] base::Result<load::Report> run_load(const LoadOptions& options,
                                                  const base::Clock& clock, base::Logger& log,
                                                  std::stop_token stop);

// Returns 1 when no entry was accepted, when an answer does not fit what was sent, or when a run
// with retries has errors; else 0.
[[nodiscard]] int load_exit_status(const load::Report& report);

}  // namespace estadio
