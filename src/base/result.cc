#include "base/result.h"

#include <cerrno>
#include <fmt/format.h>
#include <system_error>

namespace base {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kNotFound: return "not_found";
    case Code::kAlreadyExists: return "already_exists";
    case Code::kFailedPrecondition: return "failed_precondition";
    case Code::kResourceExhausted: return "resource_exhausted";
    case Code::kUnavailable: return "unavailable";
    case Code::kDeadlineExceeded: return "deadline_exceeded";
    case Code::kCancelled: return "cancelled";
    case Code::kCorruption: return "corruption";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

Error Error::from_errno(std::string_view what, int error_number) {
  Code code = Code::kInternal;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    code = Code::kResourceExhausted;
  }
  if (error_number == ENOENT) code = Code::kNotFound;
  const std::string_view hint = error_number == EFBIG ? " (see ulimit -f)" : "";
  return {code, fmt::format("{}: {}{}", what, std::generic_category().message(error_number), hint)};
}

Error Error::within(std::string_view context) && {
  message_ = fmt::format("{}: {}", context, message_);
  return std::move(*this);
}

}  // namespace base
