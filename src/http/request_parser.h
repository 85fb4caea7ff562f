// Strict parsing of an HTTP/1.1 request's head and of chunked bodies (RFC 9112). A request that two
// servers could read in two ways is refused, so that no request is smuggled past a proxy.
//
// Threads: none; a RequestHead belongs to its connection's loop.
#pragma once

#include <array>
#include <cstdint>
#include <string>
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

enum class ParseState { kMore, kDone, kFailed };

// Parses the head at the start of `data`. Returns kMore when the head's end is not in `data` yet;
// the next call gets the same bytes and more. `scanned` remembers the bytes searched; start with 0.
// The views of `head` point into `data`. Returns kFailed and sets `error` when it is refused.
[[nodiscard]] ParseState parse_head(std::string_view data, std::size_t& scanned, RequestHead& head,
                                    ParseError& error);

// Decodes a chunked body piece by piece. Skips extensions, checks trailers and drops them. Both
// together are at most 4096 bytes.
class ChunkedDecoder {
 public:
  // Decodes the next piece and appends to `body`. Sets `used` to the bytes taken from `data`.
  // Returns kFailed with `error`: 413 when the body would exceed `body_max` bytes.
  [[nodiscard]] ParseState decode(std::string_view data, std::size_t body_max, std::string& body,
                                  std::size_t& used, ParseError& error);
  void reset() { *this = ChunkedDecoder(); }

 private:
  enum class Stage { kSize, kExtension, kSizeEnd, kData, kDataReturn, kDataNewline, kTrailer };

  Stage stage_ = Stage::kSize;
  std::uint64_t left_ = 0;  // the chunk's size while it is read, then its bytes left
  std::size_t digits_ = 0;
  std::size_t overhead_ = 0;  // bytes of extensions and trailers seen
  std::string trailer_line_;
};

}  // namespace http
