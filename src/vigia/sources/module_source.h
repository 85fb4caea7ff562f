// The kernel module's two files (kernel/main.c): rows, which are fast to read, and one JSON
// document, which has everything.
//
// Threads: of one thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "vigia/sample/source.h"
#include "vigia/sources/row_stream.h"

namespace vigia {

// Of /proc/vigia_bin. Errors: kUnavailable, with what to do about it.
[[nodiscard]] base::Result<std::unique_ptr<RowStream>> open_module_rows(
    const std::string& proc = "/proc");

// Of /proc/vigia: "module-json". Errors: as above.
[[nodiscard]] base::Result<std::unique_ptr<Source>> open_module_json(
    const std::string& proc = "/proc");

}  // namespace vigia
