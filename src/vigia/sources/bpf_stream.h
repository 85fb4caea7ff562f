// Rows from the BPF task iterator (bpf/processes.bpf.c). It needs a kernel that describes its types
// (BTF), and the right to load programs (CAP_BPF and CAP_PERFMON).
//
// Threads: the returned object belongs to one thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "vigia/sources/row_stream.h"

namespace vigia {

// Loads the program. Errors: kUnavailable, with the kernel's reason.
[[nodiscard]] base::Result<std::unique_ptr<RowStream>> open_bpf_rows();

}  // namespace vigia
