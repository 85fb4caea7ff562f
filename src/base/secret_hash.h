// A hash of UUIDs under a secret key of the process, for tables of ids that clients choose. A
// client does not know the key, so it cannot choose ids that collide.
//
// Threads: any.
#pragma once

#include <cstdint>

#include "base/uuid.h"

namespace base {

// Returns SipHash-2-4 of the id under the process' key. The key is drawn at the first call. So the
// value differs from process to process: never store it.
[[nodiscard]] std::uint64_t secret_hash(const Uuid& id);

}  // namespace base
