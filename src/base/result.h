// Errors as values: every function that can fail returns Result<T>.
//
// An Error has a code (what kind, for mapping to HTTP or an exit status), a message (what was
// expected and what was found) and a chain of contexts added on the way up ("opening the log in
// data/log: segment 3: ..."). It is logged once, where it is handled.
//
// Threads: values; no shared state.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace base {

enum class Code {
  kInvalidArgument,     // the caller's input is wrong and will stay wrong
  kNotFound,            //
  kAlreadyExists,       // somebody else holds it
  kFailedPrecondition,  // not in this state; the message says which
  kResourceExhausted,   // a named bound or the disk is full; try later
  kUnavailable,         // what is needed is away; try later
  kDeadlineExceeded,    // it may or may not have happened
  kCorruption,          // stored bytes are not what was written
  kInternal,            // everything else
};

[[nodiscard]] std::string_view to_string(Code code);

class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  // From errno as left by the system call named in `what` ("opening data/log").
  // ENOSPC and EDQUOT give kResourceExhausted, ENOENT kNotFound, the rest kInternal.
  [[nodiscard]] static Error from_errno(std::string_view what, int error_number);

  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  // The same error with `context` put in front: "context: message".
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

// Returns the error of `expression`, a Result, from the calling function.
#define RETURN_IF_ERROR(expression)                                \
  do {                                                             \
    if (auto result_or_error_ = (expression); !result_or_error_) { \
      return base::fail(std::move(result_or_error_).error());      \
    }                                                              \
  } while (false)

#define RESULT_CONCAT_INNER(a, b) a##b
#define RESULT_CONCAT(a, b) RESULT_CONCAT_INNER(a, b)

// Assigns the value of `expression`, a Result, or returns its error from the calling function.
#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(RESULT_CONCAT(result_or_error_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(result, target, expression)   \
  auto result = (expression);                                \
  if (!result) return base::fail(std::move(result).error()); \
  target = std::move(*result)
