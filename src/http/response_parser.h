// Parsing of HTTP/1.1 responses (RFC 9112) on a connection that is kept alive.
//
//   ResponseParser parser({.body_bytes_max = 1 << 20});
//   ... state = parser.parse(received, used);  kMore: receive again
//                                              kDone: parser.status(), parser.body()
//                                              kFailed: parser.error(); close the connection
//
// A response with Content-Length that arrives in one piece is not copied. Its head and body are
// views into that piece.
// The parser skips up to kInterimMax responses 1xx, and refuses 101. It refuses ambiguous
// responses: a Content-Length next to chunks, two lengths, folded lines, lines without a carriage
// return.
// REQUIRES: the request was no HEAD, since the response does not show it.
//
// Threads: none; belongs to its connection's loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunked_decoder.h"
#include "http/header_fields.h"

namespace http {

class ResponseParser {
 public:
  static constexpr std::size_t kHeadBytesMax = std::size_t{16} * 1024;
  static constexpr int kInterimMax = 16;  // responses 1xx before the one that counts

  struct Options {
    std::size_t body_bytes_max = std::size_t{1} << 20;
  };
  explicit ResponseParser(Options options) : options_(options) {}

  // Parses the next received bytes. Sets `used` to the number that belong to this response.
  // After kDone the next call starts the next response.
  [[nodiscard]] ParseState parse(std::string_view data, std::size_t& used);

  // The peer has closed its side. Returns kDone when that ends this response, else kFailed.
  [[nodiscard]] ParseState finish();

  // Drops the current response. Call for a new connection.
  void reset();

  // The accessors require kDone. Their views are valid until the next parse(), finish() or reset(),
  // as long as the bytes given to parse() stay valid.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view body() const { return body_view_; }
  // Whether the connection can carry another request.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  // Returns the value of the first header of that name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;

  // The reason of kFailed.
  [[nodiscard]] std::string_view error() const { return error_; }

 private:
  enum class Stage {
    kHead,
    kLength,      // a body of known length
    kChunks,      // a chunked body
    kUntilClose,  // a body that ends with the connection
    kDone,
  };

  void start_response();
  ParseState refuse(std::string_view why);
  ParseState complete(std::string_view body);
  // Takes the head that begins at data[used], or its next piece.
  ParseState take_head(std::string_view data, std::size_t& used);
  ParseState take_body(std::string_view data, std::size_t& used);
  // Reads a whole head, with its empty line, into the members.
  ParseState read_head(std::string_view head);
  // Copies the head, so that it outlives the bytes given to parse().
  void keep_head();

  const Options options_;

  Stage stage_ = Stage::kHead;
  std::string_view error_;
  std::string kept_head_;  // a head, or the start of one, that came in an earlier piece
  std::string kept_body_;
  ChunkedDecoder chunks_;
  int interim_count_ = 0;

  std::string_view head_view_;
  std::string_view body_view_;
  int status_ = 0;
  std::uint64_t content_length_ = 0;
  bool keep_alive_ = true;
};

}  // namespace http
