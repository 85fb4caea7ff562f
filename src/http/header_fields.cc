#include "http/header_fields.h"

#include <algorithm>
#include <array>

namespace http {
namespace {

// A number of so many digits fits into 64 bits.
constexpr std::size_t kLengthDigitsMax = 18;

constexpr std::array<bool, 256> make_token_characters() {
  std::array<bool, 256> is_token{};
  for (int c = '0'; c <= '9'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    is_token[static_cast<unsigned char>(c)] = true;
  }
  return is_token;
}

constexpr std::array<bool, 256> make_value_characters() {
  std::array<bool, 256> is_value{};
  for (std::size_t c = 0x20; c < 256; ++c) is_value[c] = c != 0x7F;
  is_value['\t'] = true;
  return is_value;
}

constexpr auto kIsToken = make_token_characters();
constexpr auto kIsValue = make_value_characters();

bool is_space(char c) { return c == ' ' || c == '\t'; }

bool refuse(ParseError& error, std::string_view detail, int status = 400) {
  error = {.status = status, .detail = detail};
  return false;
}

}  // namespace

bool is_token(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return kIsToken[static_cast<unsigned char>(c)]; });
}

bool is_value_character(char c) { return kIsValue[static_cast<unsigned char>(c)]; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool parse_field(std::string_view line, Header& field, ParseError& error) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return refuse(error, "malformed header line");
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  if (!is_token(field.name)) return refuse(error, "malformed header name");
  if (!std::ranges::all_of(field.value, is_value_character)) {
    return refuse(error, "control character in a header value");
  }
  return true;
}

bool Framing::take(const Header& field, ParseError& error) {
  switch (field.name.size()) {
    case 10:
      if (equals_ignoring_case(field.name, "connection")) take_connection(field.value);
      return true;
    case 14:
      return !equals_ignoring_case(field.name, "content-length") ||
             take_content_length(field.value, error);
    case 17:
      if (!equals_ignoring_case(field.name, "transfer-encoding")) return true;
      if (has_transfer_encoding_) return refuse(error, "repeated Transfer-Encoding");
      has_transfer_encoding_ = true;
      transfer_encoding_ = field.value;
      return !transfer_encoding_.empty() || refuse(error, "empty Transfer-Encoding");
    default: return true;
  }
}

void Framing::take_connection(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view option = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (equals_ignoring_case(option, "close")) is_to_close_ = true;
    if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
  }
  if (is_to_close_) keep_alive_ = false;
}

bool Framing::take_content_length(std::string_view value, ParseError& error) {
  if (has_content_length_) return refuse(error, "repeated Content-Length");
  if (value.empty() || value.size() > kLengthDigitsMax ||
      !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
    return refuse(error, "malformed Content-Length");
  }
  has_content_length_ = true;
  for (const char digit : value) {
    content_length_ = content_length_ * 10 + static_cast<unsigned>(digit - '0');
  }
  return true;
}

bool Framing::finish(ParseError& error) {
  if (!has_transfer_encoding_) return true;
  if (has_content_length_) return refuse(error, "both Content-Length and Transfer-Encoding");
  if (is_http_1_0_) return refuse(error, "Transfer-Encoding in HTTP/1.0");
  return equals_ignoring_case(transfer_encoding_, "chunked") ||
         refuse(error, "only the chunked transfer coding is supported", 501);
}

}  // namespace http
