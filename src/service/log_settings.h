// The settings of a command's log.
//
// Threads: functions; used at the start of a process.
#pragma once

#include "base/log.h"
#include "base/settings.h"

namespace service {

// Adds --log-level and --log-format. `options` must outlive `settings`.
void add_log_settings(base::Settings& settings, base::Logger::Options& options);

}  // namespace service
