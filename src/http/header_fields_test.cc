// The rules of header fields. Both parsers obey them: if the request parser refuses a field, the
// response parser refuses it for the same reason.
#include "http/header_fields.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/request_parser.h"
#include "http/response_parser.h"

namespace http {
namespace {

// Returns each parser's result for a head with these fields: its error, or the body's framing.
std::string request_with(std::string_view fields, std::string_view version) {
  const std::string text = fmt::format("POST / HTTP/{}\r\nHost: h\r\n{}\r\n\r\n", version, fields);
  RequestHead head;
  ParseError error;
  std::size_t scanned = 0;
  if (parse_head(text, scanned, head, error) != ParseState::kDone) return std::string(error.detail);
  return head.keep_alive ? "stays" : "closes";
}

std::string response_with(std::string_view fields, std::string_view version) {
  const bool is_chunked = fields.find("ransfer") != std::string_view::npos;
  const bool has_length = fields.find("ength") != std::string_view::npos;
  const std::string_view body = is_chunked ? "0\r\n\r\n" : "12345";
  // Without a length a response's body ends when the connection closes. A request has no such body.
  const std::string_view length = is_chunked || has_length ? "" : "Content-Length: 5\r\n";
  const std::string text =
      fmt::format("HTTP/{} 200 OK\r\n{}{}\r\n\r\n{}", version, length, fields, body);
  ResponseParser parser({.body_bytes_max = 1024});
  std::size_t used = 0;
  if (parser.parse(text, used) != ParseState::kDone) return std::string(parser.error());
  return parser.keep_alive() ? "stays" : "closes";
}

TEST(HeaderFieldsTest, RequestsAndResponsesAreReadByTheSameRules) {
  for (const std::string_view fields : {"A: b",
                                        "nonsense",
                                        ": b",
                                        "A : b",
                                        " A: b",
                                        "A\t: b",
                                        "A:b",
                                        "A: \x01",
                                        "A(: b",
                                        "Content-Length: 5",
                                        "Content-Length: +5",
                                        "Content-Length: 5,5",
                                        "Content-Length: 0x5",
                                        "Content-Length: ",
                                        "Content-Length: 1234567890123456789",
                                        "Content-Length:\t5 ",
                                        "Content-Length: 5\r\ncontent-length: 5",
                                        "Transfer-Encoding: chunked",
                                        "Transfer-Encoding: Chunked",
                                        "Transfer-Encoding: ",
                                        "Transfer-Encoding: gzip",
                                        "Transfer-Encoding: gzip, chunked",
                                        "Transfer-Encoding: chunked, chunked",
                                        "Transfer-Encoding: \x0b chunked",
                                        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
                                        "Transfer-Encoding: chunked\r\nContent-Length: 5",
                                        "Connection: close",
                                        "Connection: keep-alive",
                                        "Connection: x ,\tCLOSE,",
                                        "Connection: close, keep-alive",
                                        "Connection: close\r\nConnection: keep-alive",
                                        "Connection: closed"}) {
    for (const std::string_view version : {"1.1", "1.0"}) {
      EXPECT_EQ(request_with(fields, version), response_with(fields, version))
          << version << ": " << fields;
    }
  }
}

TEST(HeaderFieldsTest, CloseIsNotTakenBack) {
  for (const std::string_view fields :
       {"Connection: close, keep-alive", "Connection: keep-alive, close",
        "Connection: close\r\nConnection: keep-alive"}) {
    EXPECT_EQ(request_with(fields, "1.0"), "closes") << fields;
    EXPECT_EQ(request_with(fields, "1.1"), "closes") << fields;
  }
}

TEST(HeaderFieldsTest, ALineIsSplitWithoutTheSpaceAroundItsValue) {
  Header field;
  ParseError error;
  ASSERT_TRUE(parse_field("Name: \t a value \t", field, error));
  EXPECT_EQ(field.name, "Name");
  EXPECT_EQ(field.value, "a value");
  ASSERT_TRUE(parse_field("Empty:", field, error));
  EXPECT_EQ(field.value, "");
  EXPECT_FALSE(parse_field("Name: de\x7fl", field, error));
  EXPECT_EQ(error.detail, "control character in a header value");
}

}  // namespace
}  // namespace http
