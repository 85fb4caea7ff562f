#include "http/request_parser.h"

#include <algorithm>

namespace http {
namespace {

Method method_of(std::string_view name) {
  for (const Method method : {Method::kPost, Method::kGet, Method::kHead, Method::kPut,
                              Method::kDelete, Method::kPatch, Method::kOptions}) {
    if (name == to_string(method)) return method;
  }
  return Method::kOther;
}

struct HeadParser {
  RequestHead& head;
  ParseError& error;
  Framing framing{false};
  bool seen_host = false;
  bool has_authority = false;  // in the target, which overrides Host (RFC 9112, section 3.2.2)
  std::string_view expect;

  bool refuse(int status, std::string_view detail) {
    error = {.status = status, .detail = detail};
    return false;
  }

  bool request_line(std::string_view line) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
      return refuse(400, "expected 'METHOD target HTTP/1.1' in the request line");
    }
    const std::string_view method = line.substr(0, first);
    std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (method.empty() || !is_token(method)) return refuse(400, "malformed method");
    if (version == "HTTP/1.0") {
      head.is_http_1_0 = true;
      framing = Framing(true);
    } else if (version != "HTTP/1.1") {
      const bool is_version =
          version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
      return is_version ? refuse(505, "only HTTP/1.1 and HTTP/1.0 are supported")
                        : refuse(400, "malformed HTTP version");
    }
    head.method = method_of(method);
    if (target.empty() || std::ranges::any_of(target, [](char c) {
          return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
        })) {
      return refuse(400, "malformed request target");
    }
    constexpr std::string_view kScheme = "http://";
    if (target.front() != '/' && target != "*") {
      // absolute-form (RFC 9112, section 3.2.2)
      if (!target.starts_with(kScheme)) return refuse(400, "malformed request target");
      const auto slash = target.find_first_of("/?", kScheme.size());
      // Servers disagree on a query right after the authority.
      if (slash != std::string_view::npos && target[slash] == '?') {
        return refuse(400, "malformed request target");
      }
      head.host = target.substr(0, slash).substr(kScheme.size());
      has_authority = true;
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    const auto mark = target.find('?');
    head.path = target.substr(0, mark);
    head.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    return true;
  }

  bool field(std::string_view line) {
    if (head.header_count == RequestHead::kHeadersMax) return refuse(431, "more than 64 headers");
    Header& field = head.headers[head.header_count++];
    if (!parse_field(line, field, error)) return false;

    switch (field.name.size()) {
      case 4:
        if (equals_ignoring_case(field.name, "host")) {
          if (seen_host) return refuse(400, "repeated Host");
          seen_host = true;
          if (!has_authority) head.host = field.value;
        }
        return true;
      case 6:
        if (equals_ignoring_case(field.name, "expect")) expect = field.value;
        return true;
      default: return framing.take(field, error);
    }
  }

  bool finish() {
    if (!seen_host && !head.is_http_1_0) return refuse(400, "missing Host");
    if (!framing.finish(error)) return false;
    head.has_content_length = framing.has_content_length();
    head.content_length = framing.content_length();
    head.chunked = framing.is_chunked();
    head.keep_alive = framing.keep_alive();
    if (!expect.empty() && !head.is_http_1_0) {
      if (!equals_ignoring_case(expect, "100-continue")) {
        return refuse(417, "only 'Expect: 100-continue' is supported");
      }
      head.expects_continue = true;
    }
    return true;
  }
};

}  // namespace

ParseState parse_head(std::string_view data, std::size_t& scanned, RequestHead& head,
                      ParseError& error) {
  // Ignore one empty line before the request line (RFC 9112, section 2.2).
  const std::size_t start = data.starts_with("\r\n") ? 2 : 0;
  const std::size_t from = std::max(start, scanned > 3 ? scanned - 3 : 0);
  const auto end = from < data.size() ? data.find("\r\n\r\n", from) : std::string_view::npos;
  const std::string_view lines =
      data.substr(std::min(start, data.size()), end == std::string_view::npos ? end : end - start);
  if (end == std::string_view::npos) {
    for (auto at = data.find('\n', std::max(start, scanned)); at != std::string_view::npos;
         at = data.find('\n', at + 1)) {
      if (at == 0 || data[at - 1] != '\r') {
        error = {.status = 400, .detail = "line ends without a carriage return"};
        return ParseState::kFailed;
      }
    }
    scanned = data.size();
    if (data.size() > RequestHead::kBytesMax) {
      error = {.status = 431, .detail = "the head is longer than 16 KiB"};
      return ParseState::kFailed;
    }
    return ParseState::kMore;
  }
  if (end + 4 > RequestHead::kBytesMax) {
    error = {.status = 431, .detail = "the head is longer than 16 KiB"};
    return ParseState::kFailed;
  }

  head.header_count = 0;
  head.host = {};
  head.expects_continue = head.is_http_1_0 = false;
  head.size = end + 4;
  HeadParser parser{.head = head, .error = error, .expect = {}};
  std::size_t at = 0;
  bool is_first = true;
  while (at <= lines.size()) {
    const auto newline = std::min(lines.find("\r\n", at), lines.size());
    const std::string_view line = lines.substr(at, newline - at);
    if (!(is_first ? parser.request_line(line) : parser.field(line))) return ParseState::kFailed;
    is_first = false;
    at = newline + 2;
  }
  return parser.finish() ? ParseState::kDone : ParseState::kFailed;
}

}  // namespace http
