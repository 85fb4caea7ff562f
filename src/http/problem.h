// Errors as application/problem+json (RFC 9457).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/server.h"

namespace http {

// Answers with {"type":"about:blank","title":…,"status":…,"detail":…} and, when `members` is not
// empty, its members too ("\"offset\":12"). `extra_headers` as in Response.
void respond_problem(Exchange exchange, int status, std::string_view detail,
                     std::string_view members = {}, std::string_view extra_headers = {});

// The body alone.
[[nodiscard]] std::string problem_body(int status, std::string_view detail,
                                       std::string_view members = {});

// The one place where an error's code becomes a status.
[[nodiscard]] int status_of(base::Code code);

}  // namespace http
