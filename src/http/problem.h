// Errors as application/problem+json (RFC 9457).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/server.h"

namespace http {

// Answers with {"type":"about:blank","title":…,"status":…,"detail":…}.
// `members` adds members, such as "\"offset\":12". `extra_headers` as in Response.
// Threads: the exchange's loop.
void respond_problem(Exchange exchange, int status, std::string_view detail,
                     std::string_view members = {}, std::string_view extra_headers = {});

// Returns the body of respond_problem().
[[nodiscard]] std::string problem_body(int status, std::string_view detail,
                                       std::string_view members = {});

// Returns the HTTP status for an error's code. No other function maps the two.
[[nodiscard]] int status_of(base::Code code);

}  // namespace http
