// Rows from the BPF task iterator (bpf/processes.bpf.c), where the kernel has types of its own
// (BTF) and we may load programs (CAP_BPF and CAP_PERFMON).
//
// Threads: of one thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "vigia/sources/row_stream.h"

namespace vigia {

// Errors: kUnavailable, with why the kernel does not take it.
[[nodiscard]] base::Result<std::unique_ptr<RowStream>> open_bpf_rows();

}  // namespace vigia
