// Request heads and chunked bodies: random pieces give the same result as the whole input.
#include "http/request_parser.h"

#include <string>

#include "base/check.h"
#include "fuzz.h"
#include "http/chunked_decoder.h"

namespace {

using http::ParseState;

void check_same(const http::RequestHead& a, const http::RequestHead& b) {
  CHECK(a.method == b.method && a.path == b.path && a.query == b.query);
  CHECK(a.size == b.size && a.header_count == b.header_count);
  CHECK(a.has_content_length == b.has_content_length && a.content_length == b.content_length);
  CHECK(a.chunked == b.chunked && a.keep_alive == b.keep_alive);
  CHECK(a.expects_continue == b.expects_continue && a.is_http_1_0 == b.is_http_1_0);
  for (std::size_t i = 0; i < a.header_count; ++i) {
    CHECK(a.headers[i].name == b.headers[i].name && a.headers[i].value == b.headers[i].value);
  }
}

// Returns the size of the head, if there is one.
std::size_t check_head(std::string_view input) {
  http::RequestHead whole;
  http::ParseError error;
  std::size_t scanned = 0;
  const ParseState expected = http::parse_head(input, scanned, whole, error);
  CHECK(expected != ParseState::kFailed || (error.status >= 400 && !error.detail.empty()));

  http::RequestHead head;
  fuzz::Cuts cuts(input);
  ParseState state = ParseState::kMore;
  scanned = 0;
  for (std::size_t at = 0; at < input.size() && state == ParseState::kMore;) {
    at = cuts.next(at, input.size());
    state = http::parse_head(input.substr(0, at), scanned, head, error);
  }
  CHECK(state == expected);
  if (state != ParseState::kDone) return 0;
  check_same(head, whole);
  CHECK(head.size <= input.size() && head.size <= http::RequestHead::kBytesMax);
  CHECK(!(head.chunked && head.has_content_length));
  return head.size;
}

void check_chunks(std::string_view input) {
  constexpr std::size_t kBodyMax = 4096;
  http::ChunkedDecoder decoder;
  http::ParseError error;
  std::string whole;
  std::size_t taken = 0;
  const ParseState expected = decoder.decode(input, kBodyMax, whole, taken, error);
  const int status = error.status;

  decoder.reset();
  std::string body;
  fuzz::Cuts cuts(input);
  ParseState state = ParseState::kMore;
  std::size_t given = 0;
  while (given < input.size() && state == ParseState::kMore) {
    const std::size_t end = cuts.next(given, input.size());
    std::size_t used = 0;
    state = decoder.decode(input.substr(given, end - given), kBodyMax, body, used, error);
    given += used;
    CHECK(state != ParseState::kMore || given == end);
  }
  CHECK(state == expected && body == whole && given == taken);
  CHECK(state != ParseState::kFailed || error.status == status);
  CHECK(body.size() <= kBodyMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check_chunks(input.substr(check_head(input)));
  return 0;
}
