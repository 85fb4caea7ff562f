// The web pages that are built into the program.
#pragma once

#include <span>

#include "http/assets.h"

namespace estadio {

// The scoreboard's files; made from web/scoreboard when the program is built.
[[nodiscard]] std::span<const http::Asset> scoreboard_page();

}  // namespace estadio
