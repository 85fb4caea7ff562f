// Errors as values: every function that can fail returns Result<T>.
//
// An Error has a code and a message. The code maps to an HTTP status or an exit status. The message
// says what was expected and what was found. Callers prepend context ("opening the log in data/log:
// segment 3: ..."). An error is logged once, where it is handled.
//
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace base {

enum class Code {
  kInvalidArgument,     // the caller's input is wrong; a retry does not help
  kNotFound,            //
  kAlreadyExists,       // it exists, or another process holds it
  kFailedPrecondition,  // not allowed in this state; the message names the state
  kResourceExhausted,   // a named bound or the disk is full; try later
  kUnavailable,         // a needed part does not answer; try later
  kDeadlineExceeded,    // too late; the work may have been done
  kCancelled,           // the user ended the work
  kCorruption,          // stored or received data is malformed or inconsistent
  kInternal,            // everything else
};

[[nodiscard]] std::string_view to_string(Code code);

class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  // Makes an error from errno. `what` names the failed action ("opening data/log").
  // ENOSPC, EDQUOT and EFBIG give kResourceExhausted, ENOENT kNotFound, the rest kInternal.
  [[nodiscard]] static Error from_errno(std::string_view what, int error_number);

  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  // Returns this error with the message "context: message".
  [[nodiscard]] Error within(std::string_view context) &&;

 private:
  Code code_;
  std::string message_;
};

template <class T = void>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

[[nodiscard]] inline Failure fail(Code code, std::string message) {
  return Failure(Error(code, std::move(message)));
}
[[nodiscard]] inline Failure fail(Error error) { return Failure(std::move(error)); }

}  // namespace base

// If `expression`, a Result, has an error, returns that error from the calling function.
#define RETURN_IF_ERROR(expression)                                \
  do {                                                             \
    if (auto result_or_error_ = (expression); !result_or_error_) { \
      return base::fail(std::move(result_or_error_).error());      \
    }                                                              \
  } while (false)

#define RESULT_CONCAT_INNER(a, b) a##b
#define RESULT_CONCAT(a, b) RESULT_CONCAT_INNER(a, b)

// Assigns the value of `expression`, a Result, to `target`. If it has an error, returns that error
// from the calling function.
#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(RESULT_CONCAT(result_or_error_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(result, target, expression)   \
  auto result = (expression);                                \
  if (!result) return base::fail(std::move(result).error()); \
  target = std::move(*result)
