// The rules of header fields that requests and responses share (RFC 9110, section 5; RFC 9112,
// section 6). The functions split a header line, find how the body is framed, and decide on
// keep-alive. Both parsers use them, so that they read the same bytes in the same way.
//
// Threads: values and functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace http {

// The reason and HTTP status of a refused message. A server answers with `status`, then closes the
// connection.
struct ParseError {
  int status = 400;
  std::string_view detail;
};

// The result of a parse. kMore: more bytes are needed. kDone: the parsed part is complete, which is
// a head, a body or a response. kFailed: the message must be refused.
enum class ParseState { kMore, kDone, kFailed };

// Whether all characters are tchar (RFC 9110, section 5.6.2). True for the empty text.
[[nodiscard]] bool is_token(std::string_view text);

// Whether a field's value may hold `c`: a tab, or any character except control characters.
[[nodiscard]] bool is_value_character(char c);

// Returns `text` without the spaces and tabs around it.
[[nodiscard]] std::string_view trim(std::string_view text);

// Splits `line`, which has no line end, into name and value; views into it. Returns false and sets
// `error` when the line is malformed.
[[nodiscard]] bool parse_field(std::string_view line, Header& field, ParseError& error);

// Finds out how the body is framed and whether the connection is kept alive. Call take() for each
// field, then finish(). Both return false and set `error` when the message must be refused.
class Framing {
 public:
  explicit Framing(bool is_http_1_0) : is_http_1_0_(is_http_1_0), keep_alive_(!is_http_1_0) {}

  // Reads Connection, Content-Length and Transfer-Encoding; ignores other fields.
  [[nodiscard]] bool take(const Header& field, ParseError& error);
  // Call after the last field. An unknown transfer coding gives status 501.
  [[nodiscard]] bool finish(ParseError& error);

  [[nodiscard]] bool has_content_length() const { return has_content_length_; }
  [[nodiscard]] std::uint64_t content_length() const { return content_length_; }
  [[nodiscard]] bool is_chunked() const { return has_transfer_encoding_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }

 private:
  void take_connection(std::string_view list);
  [[nodiscard]] bool take_content_length(std::string_view value, ParseError& error);

  bool is_http_1_0_;
  bool keep_alive_;
  bool is_to_close_ = false;  // a field said "close"; later fields cannot undo it
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
  std::uint64_t content_length_ = 0;
  std::string_view transfer_encoding_;
};

}  // namespace http
