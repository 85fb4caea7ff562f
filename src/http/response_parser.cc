#include "http/response_parser.h"

#include <algorithm>

namespace http {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Removes the first line from `lines` and returns it. REQUIRES: every line ends with CR LF.
std::string_view take_line(std::string_view& lines) {
  const std::size_t end = lines.find("\r\n");
  const std::string_view line = lines.substr(0, end);
  lines.remove_prefix(end + 2);
  return line;
}

bool is_reason_character(char c) { return c == '\t' || (c != '\x7F' && !(c >= 0 && c < ' ')); }

// HTTP-version SP status-code SP [ reason ] (RFC 9112, section 4); the last space may be missing.
bool is_status_line(std::string_view line) {
  return line.size() >= 12 && line.starts_with("HTTP/1.") && (line[7] == '1' || line[7] == '0') &&
         line[8] == ' ' && line[9] >= '1' && line[9] <= '9' && is_digit(line[10]) &&
         is_digit(line[11]) && (line.size() == 12 || line[12] == ' ') &&
         std::ranges::all_of(line.substr(12), is_reason_character);
}

}  // namespace

void ResponseParser::reset() {
  start_response();
  error_ = {};
}

void ResponseParser::start_response() {
  stage_ = Stage::kHead;
  kept_head_.clear();
  kept_body_.clear();
  interim_count_ = 0;
  head_view_ = body_view_ = {};
}

ParseState ResponseParser::refuse(std::string_view why) {
  error_ = why;
  return ParseState::kFailed;
}

ParseState ResponseParser::complete(std::string_view body) {
  stage_ = Stage::kDone;
  body_view_ = body;
  return ParseState::kDone;
}

ParseState ResponseParser::parse(std::string_view data, std::size_t& used) {
  used = 0;
  if (stage_ == Stage::kDone) start_response();
  while (stage_ == Stage::kHead) {
    const ParseState state = take_head(data, used);
    if (state != ParseState::kDone) return state;
  }
  return take_body(data, used);
}

ParseState ResponseParser::take_head(std::string_view data, std::size_t& used) {
  const std::string_view rest = data.substr(used);
  const std::size_t kept = kept_head_.size();
  // Keep at most kHeadBytesMax + 1 bytes, even when the piece is longer.
  if (kept > 0) kept_head_ += rest.substr(0, kHeadBytesMax + 1 - kept);
  const std::string_view text = kept > 0 ? std::string_view(kept_head_) : rest;

  const std::size_t end =
      text.find(kHeadEnd, kept < kHeadEnd.size() ? 0 : kept - (kHeadEnd.size() - 1));
  const std::size_t size = end == std::string_view::npos ? text.size() : end + kHeadEnd.size();
  if (size > kHeadBytesMax) return refuse("the head is longer than 16 KiB");
  if (end == std::string_view::npos) {
    if (kept == 0) kept_head_ = rest;
    used = data.size();
    return ParseState::kMore;
  }
  used += size - kept;
  if (kept > 0) kept_head_.resize(size);
  head_view_ = kept > 0 ? std::string_view(kept_head_) : text.substr(0, size);
  if (const ParseState state = read_head(head_view_); state != ParseState::kDone) return state;
  if (status_ >= 200) return ParseState::kDone;
  kept_head_.clear();
  return ++interim_count_ > kInterimMax ? refuse("too many interim responses") : ParseState::kDone;
}

ParseState ResponseParser::read_head(std::string_view head) {
  Framing framing(false);
  ParseError wrong;
  std::string_view lines = head.substr(0, head.size() - 2);
  for (bool is_first = true; !lines.empty(); is_first = false) {
    const std::string_view line = take_line(lines);
    if (line.find('\n') != std::string_view::npos || line.find('\r') != std::string_view::npos) {
      return refuse("a line that does not end with carriage return and line feed");
    }
    if (is_first) {
      if (!is_status_line(line)) {
        return refuse("expected 'HTTP/1.1 STATUS reason' in the status line");
      }
      framing = Framing(line[7] == '0');
      status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    } else if (Header field; !parse_field(line, field, wrong) || !framing.take(field, wrong)) {
      return refuse(wrong.detail);
    }
  }
  if (!framing.finish(wrong)) return refuse(wrong.detail);
  if (status_ < 200) {
    if (status_ == 101) return refuse("the server switches to another protocol");
    return ParseState::kDone;
  }
  if (framing.content_length() > options_.body_bytes_max) return refuse("the body is too large");

  keep_alive_ = framing.keep_alive();
  content_length_ = framing.content_length();
  stage_ = Stage::kLength;
  if (status_ == 204 || status_ == 304) {
    content_length_ = 0;
  } else if (framing.is_chunked()) {
    stage_ = Stage::kChunks;
    chunks_.reset();
  } else if (!framing.has_content_length()) {
    stage_ = Stage::kUntilClose;
    keep_alive_ = false;
  }
  return ParseState::kDone;
}

void ResponseParser::keep_head() {
  if (!kept_head_.empty()) return;
  kept_head_ = head_view_;
  head_view_ = kept_head_;
}

ParseState ResponseParser::take_body(std::string_view data, std::size_t& used) {
  const std::string_view rest = data.substr(used);
  switch (stage_) {
    case Stage::kLength: {
      const std::size_t take =
          std::min<std::uint64_t>(rest.size(), content_length_ - kept_body_.size());
      used += take;
      if (take == content_length_) return complete(rest.substr(0, take));
      keep_head();
      kept_body_.reserve(content_length_);
      kept_body_ += rest.substr(0, take);
      return kept_body_.size() == content_length_ ? complete(kept_body_) : ParseState::kMore;
    }
    case Stage::kChunks: {
      std::size_t taken = 0;
      ParseError wrong;
      const ParseState state =
          chunks_.decode(rest, options_.body_bytes_max, kept_body_, taken, wrong);
      used += taken;
      if (state == ParseState::kFailed) return refuse(wrong.detail);
      if (state == ParseState::kDone) return complete(kept_body_);
      keep_head();
      return ParseState::kMore;
    }
    case Stage::kUntilClose:
      if (rest.size() > options_.body_bytes_max - kept_body_.size()) {
        return refuse("the body is too large");
      }
      keep_head();
      kept_body_ += rest;
      used = data.size();
      return ParseState::kMore;
    case Stage::kHead:
    case Stage::kDone: break;
  }
  return ParseState::kMore;
}

ParseState ResponseParser::finish() {
  switch (stage_) {
    case Stage::kUntilClose: return complete(kept_body_);
    case Stage::kHead:
      return refuse(kept_head_.empty() ? "closed before an answer" : "closed within the head");
    case Stage::kDone: return refuse("closed before an answer");
    case Stage::kLength:
    case Stage::kChunks: break;
  }
  return refuse("closed within the body");
}

std::string_view ResponseParser::header(std::string_view name) const {
  std::string_view lines = head_view_.substr(0, head_view_.size() - 2);
  take_line(lines);
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    const std::size_t colon = line.find(':');
    if (equals_ignoring_case(line.substr(0, colon), name)) return trim(line.substr(colon + 1));
  }
  return {};
}

}  // namespace http
