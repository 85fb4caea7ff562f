// The rules of header fields that requests and responses share (RFC 9110, section 5; RFC 9112,
// section 6): how a line is taken apart, where the message ends and whether the connection stays.
// Both parsers go by these, so that what one accepts the other does not read in another way.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace http {

// What is wrong, and the status that says so to a client. After it the connection cannot go on.
struct ParseError {
  int status = 400;
  std::string_view detail;
};

// Whether `text` consists of tchar (RFC 9110, section 5.6.2). So does the empty text.
[[nodiscard]] bool is_token(std::string_view text);

// Whether a field's value may hold it: all but the control characters, of which the tab is good.
[[nodiscard]] bool is_value_character(char c);

// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trim(std::string_view text);

// Takes a line, without its end, apart; false with the reason in `error`.
[[nodiscard]] bool parse_field(std::string_view line, Header& field, ParseError& error);

// Gathers what the fields say of framing and of the connection: take() each, then finish().
class Framing {
 public:
  explicit Framing(bool is_http_1_0) : is_http_1_0_(is_http_1_0), keep_alive_(!is_http_1_0) {}

  // Looks at Connection, Content-Length and Transfer-Encoding; other fields are let pass.
  [[nodiscard]] bool take(const Header& field, ParseError& error);
  // After the last field. The status for an unknown transfer coding is 501.
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
  bool is_to_close_ = false;  // "close" was said, which nothing said later takes back
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
  std::uint64_t content_length_ = 0;
  std::string_view transfer_encoding_;
};

}  // namespace http
