// Strict parsing of an HTTP/1.1 request's head (RFC 9112). A request that two servers could read in
// two ways is refused, so that no request is smuggled past a proxy.
//
// Threads: none; a RequestHead belongs to its connection's loop.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/header_fields.h"
#include "http/message.h"

namespace http {

struct RequestHead {
  static constexpr std::size_t kHeadersMax = 64;
  static constexpr std::size_t kBytesMax = 16 * 1024;

  Method method = Method::kOther;
  std::string_view path;
  std::string_view query;
  // The target's authority, or else the Host. Null when there is neither, as HTTP/1.0 allows.
  std::string_view host;
  std::array<Header, kHeadersMax> headers;
  std::size_t header_count = 0;
  std::size_t size = 0;  // bytes of the head, with its empty line
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool is_http_1_0 = false;
};

// Parses the head at the start of `data`. Returns kMore when the head's end is not in `data` yet;
// the next call gets the same bytes and more. `scanned` remembers the bytes searched; start with 0.
// The views of `head` point into `data`. Returns kFailed and sets `error` when it is refused.
[[nodiscard]] ParseState parse_head(std::string_view data, std::size_t& scanned, RequestHead& head,
                                    ParseError& error);

}  // namespace http
