// Our codes and gRPC's: the one place where an error becomes a status of the wire and back.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace estadio {

// Of a status: more is cut off. It travels as a header, and those end at 8 KiB, escapes included.
inline constexpr std::size_t kStatusTextBytesMax = 1024;

// Numbers of google.rpc.Code; never 0, which is no error.
[[nodiscard]] int to_rpc_code(base::Code code);

// What we have no code for is kInternal: it is not known what happened.
[[nodiscard]] base::Code from_rpc_code(int code);

// At most kStatusTextBytesMax bytes, cut between characters. REQUIRES: UTF-8.
[[nodiscard]] std::string to_status_text(std::string_view message);

}  // namespace estadio
