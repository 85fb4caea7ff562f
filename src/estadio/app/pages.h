// The web pages that are built into the program.
//
// Threads: functions.
#pragma once

#include <span>

#include "http/assets.h"

namespace estadio {

// Returns the scoreboard's files. The build makes them from web/scoreboard.
[[nodiscard]] std::span<const http::Asset> scoreboard_page();

}  // namespace estadio
