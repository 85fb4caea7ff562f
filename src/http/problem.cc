#include "http/problem.h"

#include "base/json.h"

namespace http {

std::string problem_body(int status, std::string_view detail, std::string_view members) {
  std::string body = R"({"type":"about:blank","title":)";
  base::append_json_string(body, reason_of(status));
  body += R"(,"status":)";
  base::append_json_number(body, std::int64_t{status});
  body += R"(,"detail":)";
  base::append_json_lossy(body, detail);
  if (!members.empty()) {
    body += ',';
    body += members;
  }
  body += '}';
  return body;
}

void respond_problem(Exchange exchange, int status, std::string_view detail,
                     std::string_view members, std::string_view extra_headers) {
  exchange.respond({.status = status,
                    .content_type = "application/problem+json",
                    .body = problem_body(status, detail, members),
                    .extra_headers = extra_headers});
}

int status_of(base::Code code) {
  switch (code) {
    case base::Code::kInvalidArgument: return 422;
    case base::Code::kNotFound: return 404;
    case base::Code::kAlreadyExists: return 409;
    case base::Code::kFailedPrecondition: return 409;
    case base::Code::kResourceExhausted: return 503;
    case base::Code::kUnavailable: return 503;
    case base::Code::kDeadlineExceeded: return 504;
    case base::Code::kCancelled: return 503;
    case base::Code::kCorruption: return 500;
    case base::Code::kInternal: return 500;
  }
  return 500;
}

}  // namespace http
