// Strict decoding of chunked bodies (RFC 9112, section 7.1), of requests and of responses.
//
//   28;name=value CR LF      size in hexadecimal digits, extensions
//   <0x28 bytes> CR LF       data
//   0 CR LF                  the last chunk
//   Name: value CR LF        trailers
//   CR LF
//
// Extensions are skipped. Trailers are checked and dropped. Both together are at most 4096 bytes.
//
// Threads: none; belongs to its connection's loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/header_fields.h"

namespace http {

class ChunkedDecoder {
 public:
  // Decodes the next piece and appends to `body`. Sets `used` to the bytes taken from `data`.
  // Returns kFailed with `error`: 413 when the body would exceed `body_max` bytes.
  // REQUIRES: reset() was called since the last kDone or kFailed.
  [[nodiscard]] ParseState decode(std::string_view data, std::size_t body_max, std::string& body,
                                  std::size_t& used, ParseError& error);
  void reset() { *this = ChunkedDecoder(); }

 private:
  enum class Stage {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataReturn,
    kDataNewline,
    kTrailer,
    kDone,
  };

  // Each reads its stage, or a part of it, from the front of `rest`, which is not empty. Those that
  // return false set `error`: the body must be refused.
  bool read_size(std::string_view& rest, ParseError& error);
  bool read_extension(std::string_view& rest, ParseError& error);
  // `room` is the number of bytes that the body may still grow by.
  bool read_size_end(std::string_view& rest, std::size_t room, ParseError& error);
  void read_data(std::string_view& rest, std::string& body);
  bool read_data_return(std::string_view& rest, ParseError& error);
  bool read_data_newline(std::string_view& rest, ParseError& error);
  bool read_trailer(std::string_view& rest, ParseError& error);
  // Checks `trailer_line_`, which is complete. An empty line ends the body.
  bool finish_trailer_line(ParseError& error);

  Stage stage_ = Stage::kSize;
  std::uint64_t left_ = 0;  // the chunk's size while it is read, then its bytes left
  std::size_t digits_ = 0;
  std::size_t overhead_ = 0;  // bytes of extensions and trailers seen
  std::string trailer_line_;
};

}  // namespace http
