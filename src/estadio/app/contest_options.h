// The setting that names the contest's file.
//
// Threads: functions; used at the start of a process.
#pragma once

#include <string>

#include "base/result.h"
#include "base/settings.h"
#include "estadio/contest/contest.h"

namespace estadio {

void add_contest_setting(base::Settings& settings, std::string& contest_file);

// Reads the contest from the file. Returns the default contest when the name is empty. Errors:
// those of Contest::from_file().
[[nodiscard]] base::Result<Contest> load_contest(const std::string& contest_file);

}  // namespace estadio
