// A stream of responses: random pieces give the same result as the whole input.
#include "http/response_parser.h"

#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz.h"

namespace {

using http::ParseState;

constexpr std::size_t kBodyMax = 4096;

// The view that a connection's client has of a stream.
struct Seen {
  std::vector<std::string> responses;  // status, whether the connection goes on, body
  ParseState end = ParseState::kMore;
  std::string error;

  bool operator==(const Seen&) const = default;
};

// Reads the server's bytes in the pieces that `piece_end` gives, and then its close.
template <class PieceEnd>
Seen read_stream(std::string_view input, PieceEnd piece_end) {
  http::ResponseParser parser({.body_bytes_max = kBodyMax});
  Seen seen;
  const auto take = [&](ParseState state) {
    seen.end = state;
    if (state == ParseState::kDone) {
      CHECK(parser.status() >= 200 && parser.status() <= 999);
      CHECK(parser.body().size() <= kBodyMax);
      seen.responses.push_back(std::to_string(parser.status()) +
                               (parser.keep_alive() ? " on " : " close ") +
                               std::string(parser.body()));
    }
    if (state == ParseState::kFailed) seen.error = parser.error();
  };
  std::size_t at = 0;
  while (at < input.size() && seen.end != ParseState::kFailed) {
    const std::size_t end = piece_end(at);
    while (at < end && seen.end != ParseState::kFailed) {
      std::size_t used = 0;
      take(parser.parse(input.substr(at, end - at), used));
      at += used;
      CHECK(used > 0 || seen.end != ParseState::kMore);
    }
  }
  if (seen.end == ParseState::kMore) take(parser.finish());
  CHECK(seen.end != ParseState::kFailed || !seen.error.empty());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const Seen whole = read_stream(input, [&](std::size_t) { return input.size(); });
  fuzz::Cuts cuts(input);
  CHECK(read_stream(input, [&](std::size_t at) { return cuts.next(at, input.size()); }) == whole);
  return 0;
}
