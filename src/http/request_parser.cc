#include "http/request_parser.h"

#include <algorithm>
#include <cstring>

namespace http {
namespace {

constexpr std::size_t kOverheadMax = 4096;  // extensions and trailers of one chunked body
constexpr std::size_t kChunkDigitsMax = 15;

// tchar of RFC 9110, section 5.6.2.
constexpr std::array<bool, 256> make_token_characters() {
  std::array<bool, 256> is_token{};
  for (int c = '0'; c <= '9'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    is_token[static_cast<unsigned char>(c)] = true;
  }
  return is_token;
}

// field-vchar, space and tab: everything but the other control characters.
constexpr std::array<bool, 256> make_value_characters() {
  std::array<bool, 256> is_value{};
  for (std::size_t c = 0x20; c < 256; ++c) is_value[c] = c != 0x7F;
  is_value['\t'] = true;
  return is_value;
}

constexpr auto kIsToken = make_token_characters();
constexpr auto kIsValue = make_value_characters();

bool all_in(std::string_view text, const std::array<bool, 256>& set) {
  return std::ranges::all_of(text, [&](char c) { return set[static_cast<unsigned char>(c)]; });
}

Method method_of(std::string_view name) {
  for (const Method method : {Method::kPost, Method::kGet, Method::kHead, Method::kPut,
                              Method::kDelete, Method::kPatch, Method::kOptions}) {
    if (name == to_string(method)) return method;
  }
  return Method::kOther;
}

// Whether the comma-separated list holds the token.
bool list_holds(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equals_ignoring_case(item, token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

struct HeadParser {
  RequestHead& head;
  ParseError& error;
  bool seen_host = false;
  std::string_view transfer_encoding;
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
    if (method.empty() || !all_in(method, kIsToken)) return refuse(400, "malformed method");
    if (version == "HTTP/1.0") {
      head.is_http_1_0 = true;
      head.keep_alive = false;
    } else if (version != "HTTP/1.1") {
      const bool is_version =
          version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
      return is_version ? refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
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
      // A query right after the authority is read in more than one way.
      if (slash != std::string_view::npos && target[slash] == '?') {
        return refuse(400, "malformed request target");
      }
      target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    const auto mark = target.find('?');
    head.path = target.substr(0, mark);
    head.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    return true;
  }

  bool content_length(std::string_view value) {
    if (head.has_content_length) return refuse(400, "repeated Content-Length");
    if (value.empty() || value.size() > 18 ||
        !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
      return refuse(400, "malformed Content-Length");
    }
    head.has_content_length = true;
    for (const char c : value) {
      head.content_length = head.content_length * 10 + static_cast<unsigned>(c - '0');
    }
    return true;
  }

  bool field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return refuse(400, "malformed header line");
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    if (!all_in(name, kIsToken)) return refuse(400, "malformed header name");
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
      value.remove_prefix(1);
    }
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (!all_in(value, kIsValue)) return refuse(400, "control character in a header value");
    if (head.header_count == RequestHead::kHeadersMax) return refuse(431, "more than 64 headers");
    head.headers[head.header_count++] = {.name = name, .value = value};

    switch (name.size()) {
      case 4:
        if (equals_ignoring_case(name, "host")) {
          if (seen_host) return refuse(400, "repeated Host");
          seen_host = true;
        }
        return true;
      case 6:
        if (equals_ignoring_case(name, "expect")) expect = value;
        return true;
      case 10:
        if (equals_ignoring_case(name, "connection")) {
          if (list_holds(value, "close")) {
            head.keep_alive = false;
          } else if (head.is_http_1_0 && list_holds(value, "keep-alive")) {
            head.keep_alive = true;
          }
        }
        return true;
      case 14: return !equals_ignoring_case(name, "content-length") || content_length(value);
      case 17:
        if (equals_ignoring_case(name, "transfer-encoding")) {
          if (!transfer_encoding.empty()) return refuse(400, "repeated Transfer-Encoding");
          if (value.empty()) return refuse(400, "empty Transfer-Encoding");
          transfer_encoding = value;
        }
        return true;
      default: return true;
    }
  }

  bool finish() {
    if (!seen_host && !head.is_http_1_0) return refuse(400, "missing Host");
    if (!transfer_encoding.empty()) {
      if (head.has_content_length) return refuse(400, "both Content-Length and Transfer-Encoding");
      if (head.is_http_1_0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
      if (!equals_ignoring_case(transfer_encoding, "chunked")) {
        return refuse(501, "only the chunked transfer coding is known here");
      }
      head.chunked = true;
    }
    if (!expect.empty() && !head.is_http_1_0) {
      if (!equals_ignoring_case(expect, "100-continue")) {
        return refuse(417, "only 'Expect: 100-continue' is known here");
      }
      head.expects_continue = true;
    }
    return true;
  }
};

}  // namespace

ParseState parse_head(std::string_view data, std::size_t& scanned, RequestHead& head,
                      ParseError& error) {
  // One empty line before the request line is let pass (RFC 9112, section 2.2).
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
  head.content_length = 0;
  head.has_content_length = head.chunked = head.expects_continue = head.is_http_1_0 = false;
  head.keep_alive = true;
  head.size = end + 4;
  HeadParser parser{.head = head, .error = error, .transfer_encoding = {}, .expect = {}};
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

ParseState ChunkedDecoder::decode(std::string_view data, std::size_t body_max, std::string& body,
                                  std::size_t& used, ParseError& error) {
  const auto refuse = [&](int status, std::string_view detail) {
    error = {.status = status, .detail = detail};
    return ParseState::kFailed;
  };
  used = 0;
  while (used < data.size()) {
    const char c = data[used];
    switch (stage_) {
      case Stage::kSize: {
        int digit = -1;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit >= 0) {
          if (++digits_ > kChunkDigitsMax) return refuse(400, "chunk size out of range");
          left_ = left_ * 16 + static_cast<unsigned>(digit);
        } else if (digits_ == 0) {
          return refuse(400, "malformed chunk size");
        } else if (c == ';') {
          stage_ = Stage::kExtension;
        } else if (c == '\r') {
          stage_ = Stage::kSizeEnd;
        } else {
          return refuse(400, "malformed chunk size");
        }
        ++used;
        break;
      }
      case Stage::kExtension:
        if (++overhead_ > kOverheadMax) return refuse(400, "chunk extensions too long");
        if (c == '\r') {
          stage_ = Stage::kSizeEnd;
        } else if (!kIsValue[static_cast<unsigned char>(c)]) {
          return refuse(400, "control character in a chunk extension");
        }
        ++used;
        break;
      case Stage::kSizeEnd:
        if (c != '\n') return refuse(400, "malformed end of a chunk size");
        ++used;
        if (left_ == 0) {
          stage_ = Stage::kTrailer;
          break;
        }
        if (left_ > body_max || body.size() > body_max - left_) {
          return refuse(413, "the body is too large");
        }
        stage_ = Stage::kData;
        break;
      case Stage::kData: {
        const std::size_t take = std::min<std::uint64_t>(left_, data.size() - used);
        body.append(data, used, take);
        used += take;
        left_ -= take;
        if (left_ == 0) stage_ = Stage::kDataReturn;
        break;
      }
      case Stage::kDataReturn:
        if (c != '\r') return refuse(400, "chunk longer than its size");
        stage_ = Stage::kDataNewline;
        ++used;
        break;
      case Stage::kDataNewline:
        if (c != '\n') return refuse(400, "malformed end of a chunk");
        stage_ = Stage::kSize;
        digits_ = 0;
        ++used;
        break;
      case Stage::kTrailer:
        if (++overhead_ > kOverheadMax) return refuse(400, "trailers too long");
        ++used;
        if (c != '\n') {
          trailer_line_ += c;
          break;
        }
        if (trailer_line_.empty() || trailer_line_.back() != '\r') {
          return refuse(400, "malformed trailer");
        }
        trailer_line_.pop_back();
        if (trailer_line_.empty()) return ParseState::kDone;
        {
          const std::string_view line = trailer_line_;
          const auto colon = line.find(':');
          if (colon == 0 || colon == std::string_view::npos ||
              !all_in(line.substr(0, colon), kIsToken) ||
              !all_in(line.substr(colon + 1), kIsValue)) {
            return refuse(400, "malformed trailer");
          }
        }
        trailer_line_.clear();
        break;
    }
  }
  return ParseState::kMore;
}

}  // namespace http
