#include "http/chunked_decoder.h"

#include <algorithm>

namespace http {
namespace {

constexpr std::size_t kOverheadMax = 4096;  // bytes of extensions and trailers of one body
constexpr std::size_t kChunkDigitsMax = 15;

// Returns the value of a hexadecimal digit; -1 when `c` is none.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool refuse(ParseError& error, std::string_view detail, int status = 400) {
  error = {.status = status, .detail = detail};
  return false;
}

}  // namespace

ParseState ChunkedDecoder::decode(std::string_view data, std::size_t body_max, std::string& body,
                                  std::size_t& used, ParseError& error) {
  std::string_view rest = data;
  bool is_good = true;
  while (is_good && !rest.empty() && stage_ != Stage::kDone) {
    switch (stage_) {
      case Stage::kSize: is_good = read_size(rest, error); break;
      case Stage::kExtension: is_good = read_extension(rest, error); break;
      case Stage::kSizeEnd:
        is_good = read_size_end(rest, body_max - std::min(body_max, body.size()), error);
        break;
      case Stage::kData: read_data(rest, body); break;
      case Stage::kDataReturn: is_good = read_data_return(rest, error); break;
      case Stage::kDataNewline: is_good = read_data_newline(rest, error); break;
      case Stage::kTrailer: is_good = read_trailer(rest, error); break;
      case Stage::kDone: break;
    }
  }
  used = data.size() - rest.size();
  if (!is_good) return ParseState::kFailed;
  return stage_ == Stage::kDone ? ParseState::kDone : ParseState::kMore;
}

bool ChunkedDecoder::read_size(std::string_view& rest, ParseError& error) {
  for (; !rest.empty(); rest.remove_prefix(1)) {
    const char c = rest.front();
    const int digit = hex_digit(c);
    if (digit < 0) {
      if (digits_ == 0 || (c != ';' && c != '\r')) return refuse(error, "malformed chunk size");
      stage_ = c == ';' ? Stage::kExtension : Stage::kSizeEnd;
      rest.remove_prefix(1);
      return true;
    }
    if (++digits_ > kChunkDigitsMax) return refuse(error, "chunk size out of range");
    left_ = left_ * 16 + static_cast<unsigned>(digit);
  }
  return true;
}

bool ChunkedDecoder::read_extension(std::string_view& rest, ParseError& error) {
  const char c = rest.front();
  if (++overhead_ > kOverheadMax) return refuse(error, "chunk extensions too long");
  if (c == '\r') {
    stage_ = Stage::kSizeEnd;
  } else if (!is_value_character(c)) {
    return refuse(error, "control character in a chunk extension");
  }
  rest.remove_prefix(1);
  return true;
}

bool ChunkedDecoder::read_size_end(std::string_view& rest, std::size_t room, ParseError& error) {
  if (rest.front() != '\n') return refuse(error, "malformed end of a chunk size");
  if (left_ > room) return refuse(error, "the body is too large", 413);
  stage_ = left_ == 0 ? Stage::kTrailer : Stage::kData;
  rest.remove_prefix(1);
  return true;
}

void ChunkedDecoder::read_data(std::string_view& rest, std::string& body) {
  const std::size_t size = std::min<std::uint64_t>(left_, rest.size());
  body.append(rest, 0, size);
  rest.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) stage_ = Stage::kDataReturn;
}

bool ChunkedDecoder::read_data_return(std::string_view& rest, ParseError& error) {
  if (rest.front() != '\r') return refuse(error, "chunk longer than its size");
  stage_ = Stage::kDataNewline;
  rest.remove_prefix(1);
  return rest.empty() || read_data_newline(rest, error);
}

bool ChunkedDecoder::read_data_newline(std::string_view& rest, ParseError& error) {
  if (rest.front() != '\n') return refuse(error, "malformed end of a chunk");
  stage_ = Stage::kSize;
  digits_ = 0;
  rest.remove_prefix(1);
  return true;
}

bool ChunkedDecoder::read_trailer(std::string_view& rest, ParseError& error) {
  const char c = rest.front();
  if (++overhead_ > kOverheadMax) return refuse(error, "trailers too long");
  rest.remove_prefix(1);
  if (c == '\n') return finish_trailer_line(error);
  trailer_line_ += c;
  return true;
}

bool ChunkedDecoder::finish_trailer_line(ParseError& error) {
  if (!trailer_line_.ends_with('\r')) return refuse(error, "malformed trailer");
  trailer_line_.pop_back();
  if (trailer_line_.empty()) {
    stage_ = Stage::kDone;
    return true;
  }
  Header trailer;
  if (!parse_field(trailer_line_, trailer, error)) return refuse(error, "malformed trailer");
  trailer_line_.clear();
  return true;
}

}  // namespace http
