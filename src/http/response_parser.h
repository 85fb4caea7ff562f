// Parsing of HTTP/1.1 responses (RFC 9112) as they come over a connection that is kept alive.
//
//   ResponseParser parser({.body_bytes_max = 1 << 20});
//   ... state = parser.parse(received, used);  kMore: receive again
//                                              kDone: parser.status(), parser.body()
//                                              kFailed: parser.error(); close the connection
//
// A response that comes whole in one piece is not copied: head and body are views into that piece.
// Responses 1xx are skipped. What can be read in two ways (a Content-Length next to chunks, two
// lengths, folded lines, lines without a carriage return) is refused. The one thing that a
// response does not tell of itself is whether the request was a HEAD: those are not for this.
//
// Threads: none; belongs to its connection's loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/header_fields.h"
#include "http/request_parser.h"

namespace http {

class ResponseParser {
 public:
  static constexpr std::size_t kHeadBytesMax = std::size_t{16} * 1024;
  static constexpr int kInterimMax = 16;  // responses 1xx before the one that counts

  struct Options {
    std::size_t body_bytes_max = std::size_t{1} << 20;
  };
  explicit ResponseParser(Options options) : options_(options) {}

  // Goes on with the bytes that came next; `used` is how many of them belong to this response.
  // After kDone the next call starts the next response.
  [[nodiscard]] ParseState parse(std::string_view data, std::size_t& used);

  // The peer has closed its side: kDone when that is how this response ends, else kFailed.
  [[nodiscard]] ParseState finish();

  // Forgets a response that is under way, for a new connection.
  void reset();

  // Of a whole response, until the next call of parse(), finish() or reset(), and as long as the
  // bytes given to parse() stay where they are.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view body() const { return body_view_; }
  // Whether the connection can carry another request.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  // The value of the first header of that name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;

  // After kFailed: what was wrong.
  [[nodiscard]] std::string_view error() const { return error_; }

 private:
  enum class Stage {
    kHead,
    kLength,      // a body of known length
    kChunks,      // a chunked body
    kUntilClose,  // a body that lasts as long as the connection
    kDone,
  };

  void start_response();
  ParseState refuse(std::string_view why);
  ParseState complete(std::string_view body);
  // Takes the head off the front of `data`.
  ParseState take_head(std::string_view data, std::size_t& used);
  ParseState take_body(std::string_view data, std::size_t& used);
  // Reads a whole head, with its empty line, into the fields below.
  ParseState read_head(std::string_view head);
  // Makes the head outlive the bytes that it came in.
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
