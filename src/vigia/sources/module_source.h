// The two files of the kernel module (kernel/main.c): rows of the processes, which are fast to
// read, and a JSON document, which has everything.
//
// Threads: the returned object belongs to one thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "vigia/sample/source.h"
#include "vigia/sources/row_stream.h"

namespace vigia {

// Opens /proc/vigia_bin. Errors: kUnavailable; the message says what to do about it.
[[nodiscard]] base::Result<std::unique_ptr<RowStream>> open_module_rows(
    const std::string& proc = "/proc");

// Opens /proc/vigia, as the source "module-json". Errors: the same.
[[nodiscard]] base::Result<std::unique_ptr<Source>> open_module_json(
    const std::string& proc = "/proc");

}  // namespace vigia
