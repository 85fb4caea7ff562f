// Parsing of an HTTP/1.1 request's head and of chunked bodies (RFC 9112), strictly: whatever two
// servers could read in two ways is refused, so that nothing can be smuggled past a proxy.
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
  std::size_t size = 0;  // of the head itself, with its empty line
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool is_http_1_0 = false;
};

enum class ParseState { kMore, kDone, kFailed };

// Parses the head at the start of `data`. kMore when its end has not come yet; `scanned` keeps
// how far earlier calls have looked (start with 0). The views of `head` point into `data`.
[[nodiscard]] ParseState parse_head(std::string_view data, std::size_t& scanned, RequestHead& head,
                                    ParseError& error);

// Decodes a chunked body as it comes. Extensions are skipped, trailers checked and dropped; both
// are bounded.
class ChunkedDecoder {
 public:
  // Appends what `data` holds of the body to `body`; `used` is how many bytes of `data` were
  // taken. kFailed with 413 when the body would exceed `body_max`.
  [[nodiscard]] ParseState decode(std::string_view data, std::size_t body_max, std::string& body,
                                  std::size_t& used, ParseError& error);
  void reset() { *this = ChunkedDecoder(); }

 private:
  enum class Stage { kSize, kExtension, kSizeEnd, kData, kDataReturn, kDataNewline, kTrailer };

  Stage stage_ = Stage::kSize;
  std::uint64_t left_ = 0;  // of the chunk's size line: its value; then bytes still to come
  std::size_t digits_ = 0;
  std::size_t overhead_ = 0;  // bytes of extensions and trailers seen
  std::string trailer_line_;
};

}  // namespace http
