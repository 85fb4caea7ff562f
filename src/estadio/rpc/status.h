// Translates base::Code into google.rpc.Code and back.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace grpc {
class Status;
}

namespace estadio {

// The longest text of a status. A status travels in a header. gRPC limits headers to 8 KiB, counted
// after escaping.
inline constexpr std::size_t kStatusTextBytesMax = 1024;

// Returns a number of google.rpc.Code. It is never 0, which means success.
[[nodiscard]] int to_rpc_code(base::Code code);

// Returns kInternal for CANCELLED and for every code that base::Code lacks. The result is then
// unknown.
[[nodiscard]] base::Code from_rpc_code(int code);

// Returns at most kStatusTextBytesMax bytes, cut between characters. REQUIRES: UTF-8.
[[nodiscard]] std::string to_status_text(std::string_view message);

[[nodiscard]] grpc::Status to_status(base::Code code, std::string_view message);
[[nodiscard]] grpc::Status to_status(const base::Error& error);

}  // namespace estadio
