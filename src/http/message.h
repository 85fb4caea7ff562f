// The parts of an HTTP/1.1 message (RFC 9110, RFC 9112) that the server and its handlers share.
//
// Threads: values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kOther };

[[nodiscard]] std::string_view to_string(Method method);

// Returns the standard phrase of a status that this program knows, such as "OK" for 200. Returns
// "Unknown" for any other.
[[nodiscard]] std::string_view reason_of(int status);

struct Header {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

// Whether two header names or tokens are equal. Ignores ASCII case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

// One request. Every view is valid until the handler returns.
struct Request {
  Method method = Method::kOther;
  std::string_view path;   // "/v1/entries"
  std::string_view query;  // after the '?', without it
  std::span<const Header> headers;
  std::string_view body;

  // Returns the value of the first header of that name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// How long a body stays valid: during the call that it is given to, or as long as the server. A
// body of the server's life is sent from where it is. Others are copied.
enum class BodyLife : std::uint8_t { kCall, kServer };

// One whole answer.
struct Response {
  int status = 200;
  std::string_view content_type;  // none when empty
  std::string_view body;
  std::string_view extra_headers;  // "Name: value\r\n" as often as needed
  BodyLife body_life = BodyLife::kCall;
};

}  // namespace http
