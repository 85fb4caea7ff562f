#include "estadio/rpc/status.h"

#include <grpcpp/support/status.h>

namespace estadio {

int to_rpc_code(base::Code code) {
  switch (code) {
    case base::Code::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case base::Code::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case base::Code::kAlreadyExists: return grpc::StatusCode::ALREADY_EXISTS;
    case base::Code::kFailedPrecondition: return grpc::StatusCode::FAILED_PRECONDITION;
    case base::Code::kResourceExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case base::Code::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case base::Code::kDeadlineExceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case base::Code::kCancelled: return grpc::StatusCode::CANCELLED;
    case base::Code::kCorruption: return grpc::StatusCode::DATA_LOSS;
    case base::Code::kInternal: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

base::Code from_rpc_code(int code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT: return base::Code::kInvalidArgument;
    case grpc::StatusCode::NOT_FOUND: return base::Code::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS: return base::Code::kAlreadyExists;
    case grpc::StatusCode::FAILED_PRECONDITION: return base::Code::kFailedPrecondition;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return base::Code::kResourceExhausted;
    case grpc::StatusCode::UNAVAILABLE: return base::Code::kUnavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return base::Code::kDeadlineExceeded;
    case grpc::StatusCode::DATA_LOSS: return base::Code::kCorruption;
    default: return base::Code::kInternal;
  }
}

std::string to_status_text(std::string_view message) {
  if (message.size() <= kStatusTextBytesMax) return std::string(message);
  static constexpr std::string_view kCut = "…";
  std::size_t end = kStatusTextBytesMax - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  return std::string(message.substr(0, end)) += kCut;
}

grpc::Status to_status(base::Code code, std::string_view message) {
  return {static_cast<grpc::StatusCode>(to_rpc_code(code)), to_status_text(message)};
}

grpc::Status to_status(const base::Error& error) {
  return to_status(error.code(), error.message());
}

}  // namespace estadio
