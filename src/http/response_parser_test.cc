#include "http/response_parser.h"

#include <cstdio>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace http {
namespace {

constexpr std::string_view kPlain =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n"
    "Trailer: t\r\n\r\n";

ResponseParser parser_of(std::size_t body_bytes_max = 1024) {
  return ResponseParser({.body_bytes_max = body_bytes_max});
}

// Returns the error of parsing `text` in one piece. Empty when there is none.
std::string error_of(std::string_view text, std::size_t body_bytes_max = 1024) {
  auto parser = parser_of(body_bytes_max);
  std::size_t used = 0;
  return parser.parse(text, used) == ParseState::kFailed ? std::string(parser.error()) : "";
}

TEST(ResponseParserTest, AWholeResponseIsGivenWithoutCopying) {
  auto parser = parser_of();
  std::size_t used = 0;
  ASSERT_EQ(parser.parse(kPlain, used), ParseState::kDone);
  EXPECT_EQ(used, kPlain.size());
  EXPECT_EQ(parser.status(), 200);
  EXPECT_EQ(parser.body(), R"({"ok":true})");
  EXPECT_EQ(parser.body().data(), kPlain.data() + kPlain.size() - parser.body().size());
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(parser.header("CONTENT-TYPE"), "application/json");
  EXPECT_EQ(parser.header("Retry-After"), "");
}

TEST(ResponseParserTest, TakesOnlyItsOwnBytesOfAPipelinedStream) {
  const std::string two = std::string(kPlain) + std::string(kChunked);
  auto parser = parser_of();
  std::size_t used = 0;
  ASSERT_EQ(parser.parse(two, used), ParseState::kDone);
  ASSERT_EQ(used, kPlain.size());
  ASSERT_EQ(parser.parse(std::string_view(two).substr(used), used), ParseState::kDone);
  EXPECT_EQ(used, kChunked.size());
  EXPECT_EQ(parser.body(), "hello world");
}

TEST(ResponseParserTest, AResponseCutAnywhereIsTheSame) {
  for (const std::string_view text : {kPlain, kChunked}) {
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (const std::size_t second : {first, (first + text.size()) / 2, text.size() - 1}) {
        auto parser = parser_of();
        std::size_t taken = 0;
        ParseState state = ParseState::kMore;
        // The pieces are temporary copies, so that a sanitizer finds a view into an old piece.
        for (std::size_t end : {first, std::max(first, second), text.size()}) {
          const std::string piece(text.substr(taken, end - taken));
          std::size_t used = 0;
          state = parser.parse(piece, used);
          ASSERT_EQ(used, piece.size());
          taken += used;
          if (state == ParseState::kDone) {
            EXPECT_EQ(parser.body(), text == kPlain ? R"({"ok":true})" : "hello world");
            EXPECT_EQ(parser.header(text == kPlain ? "content-length" : "transfer-encoding"),
                      text == kPlain ? "11" : "chunked");
            break;
          }
        }
        ASSERT_EQ(state, ParseState::kDone) << first << ' ' << second;
        EXPECT_EQ(taken, text.size());
      }
    }
  }
}

TEST(ResponseParserTest, InterimResponsesAreSkipped) {
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" +
      std::string(kPlain);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    auto parser = parser_of();
    std::size_t used = 0;
    ParseState state = parser.parse(text.substr(0, cut), used);
    ASSERT_EQ(used, cut);
    const std::string rest = text.substr(cut);
    if (state == ParseState::kMore) state = parser.parse(rest, used);
    ASSERT_EQ(state, ParseState::kDone) << cut;
    EXPECT_EQ(parser.status(), 200);
  }
  std::string endless;
  for (int i = 0; i <= ResponseParser::kInterimMax; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(error_of(endless), "too many interim responses");
}

TEST(ResponseParserTest, ResponsesWithoutABodyEndWithTheirHead) {
  for (const int status : {204, 304}) {
    const std::string text = fmt::format("HTTP/1.1 {} x\r\nContent-Length: 5\r\n\r\n", status);
    auto parser = parser_of();
    std::size_t used = 0;
    ASSERT_EQ(parser.parse(text, used), ParseState::kDone);
    EXPECT_EQ(parser.body(), "");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(ResponseParserTest, ABodyWithoutLengthLastsUntilTheConnectionCloses) {
  auto parser = parser_of();
  std::size_t used = 0;
  ASSERT_EQ(parser.parse("HTTP/1.1 200 OK\r\n\r\nhello ", used), ParseState::kMore);
  ASSERT_EQ(parser.parse("world", used), ParseState::kMore);
  ASSERT_EQ(parser.finish(), ParseState::kDone);
  EXPECT_EQ(parser.body(), "hello world");
  EXPECT_FALSE(parser.keep_alive());
}

TEST(ResponseParserTest, KeepAliveFollowsTheVersionAndTheConnectionHeader) {
  const auto keeps = [](std::string_view start, std::string_view connection) {
    auto parser = parser_of();
    std::size_t used = 0;
    const std::string text =
        fmt::format("{} 200 OK\r\n{}Content-Length: 0\r\n\r\n", start, connection);
    EXPECT_EQ(parser.parse(text, used), ParseState::kDone) << text;
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "connection: foo , CLOSE\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(ResponseParserTest, AMalformedResponseIsNamed) {
  EXPECT_EQ(error_of("HTTP/2 200 OK\r\n\r\n"),
            "expected 'HTTP/1.1 STATUS reason' in the status line");
  EXPECT_EQ(error_of("HTTP/1.1 20 OK\r\n\r\n"),
            "expected 'HTTP/1.1 STATUS reason' in the status line");
  EXPECT_EQ(error_of("HTTP/1.1 099 OK\r\n\r\n"),
            "expected 'HTTP/1.1 STATUS reason' in the status line");
  EXPECT_EQ(error_of("SSH-2.0-OpenSSH\r\n\r\n"),
            "expected 'HTTP/1.1 STATUS reason' in the status line");
  EXPECT_EQ(error_of("\r\n\r\n"), "expected 'HTTP/1.1 STATUS reason' in the status line");
  for (const char* reason : {"\x1b[31mRED", "a\x7F", "a\x01"}) {
    EXPECT_EQ(error_of("HTTP/1.1 200 " + std::string(reason) + "\r\n\r\n"),
              "expected 'HTTP/1.1 STATUS reason' in the status line");
  }
  EXPECT_EQ(error_of("HTTP/1.1 101 Switching\r\n\r\n"), "the server switches to another protocol");

  const auto field_error = [](std::string_view fields) {
    return error_of(fmt::format("HTTP/1.1 200 OK\r\n{}\r\n\r\n", fields));
  };
  EXPECT_EQ(field_error("nonsense"), "malformed header line");
  EXPECT_EQ(field_error(": value"), "malformed header line");
  EXPECT_EQ(field_error("Name : value"), "malformed header name");
  EXPECT_EQ(field_error("A: b\r\n folded: c"), "malformed header name");
  EXPECT_EQ(field_error(std::string("A: b\0c", 6)), "control character in a header value");
  EXPECT_EQ(field_error("A: b\nC: d"),
            "a line that does not end with carriage return and line feed");
  EXPECT_EQ(field_error("A: b\rC: d"),
            "a line that does not end with carriage return and line feed");
  EXPECT_EQ(field_error("Content-Length: 1\r\nContent-Length: 1"), "repeated Content-Length");
  EXPECT_EQ(field_error("Content-Length: -1"), "malformed Content-Length");
  EXPECT_EQ(field_error("Content-Length: 1 1"), "malformed Content-Length");
  EXPECT_EQ(field_error("Content-Length:"), "malformed Content-Length");
  EXPECT_EQ(field_error("Content-Length: 18446744073709551616"), "malformed Content-Length");
  EXPECT_EQ(field_error("Transfer-Encoding: gzip"),
            "only the chunked transfer coding is supported");
  EXPECT_EQ(field_error("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            "repeated Transfer-Encoding");
  EXPECT_EQ(field_error("Transfer-Encoding: chunked\r\nContent-Length: 1"),
            "both Content-Length and Transfer-Encoding");
  EXPECT_EQ(error_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "Transfer-Encoding in HTTP/1.0");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "malformed chunk size");
}

TEST(ResponseParserTest, HeadsAndBodiesAreBounded) {
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", 10), "the body is too large");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\n\r\n12345678901", 10), "the body is too large");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", 10),
            "the body is too large");

  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
  const std::string fits(ResponseParser::kHeadBytesMax - head.size() - 4, 'a');
  EXPECT_EQ(error_of(head + fits + "\r\n\r\n"), "");
  EXPECT_EQ(error_of(head + fits + "a\r\n\r\n"), "the head is longer than 16 KiB");
  // An endless body is refused before its end.
  auto parser = parser_of();
  ParseState state = ParseState::kMore;
  std::size_t fed = 0;
  for (std::size_t used = 0; state == ParseState::kMore && fed < 64 * 1024; fed += 1000) {
    state = parser.parse(std::string(1000, 'a'), used);
  }
  EXPECT_EQ(state, ParseState::kFailed);
  EXPECT_EQ(fed, 17'000U);
}

TEST(ResponseParserTest, ACloseInTheMiddleIsNamed) {
  std::size_t used = 0;
  auto parser = parser_of();
  EXPECT_EQ(parser.finish(), ParseState::kFailed);
  EXPECT_EQ(parser.error(), "closed before an answer");
  ASSERT_EQ(parser.parse(kPlain, used), ParseState::kDone);
  EXPECT_EQ(parser.finish(), ParseState::kFailed);
  EXPECT_EQ(parser.error(), "closed before an answer");

  parser.reset();
  ASSERT_EQ(parser.parse(kPlain.substr(0, 20), used), ParseState::kMore);
  EXPECT_EQ(parser.finish(), ParseState::kFailed);
  EXPECT_EQ(parser.error(), "closed within the head");

  for (const std::string_view text : {kPlain, kChunked}) {
    parser.reset();
    ASSERT_EQ(parser.parse(text.substr(0, text.size() - 1), used), ParseState::kMore);
    EXPECT_EQ(parser.finish(), ParseState::kFailed);
    EXPECT_EQ(parser.error(), "closed within the body");
  }
}

// Returns a parser's result for bytes that come in pieces, followed by the connection's end.
std::string outcome_of(const std::vector<std::string>& pieces) {
  auto parser = parser_of();
  std::string outcome;
  const auto add_response = [&] {
    outcome += fmt::format("{} '{}' {};", parser.status(), parser.body(), parser.keep_alive());
  };
  for (const std::string& piece : pieces) {
    for (std::size_t taken = 0; taken < piece.size();) {
      std::size_t used = 0;
      const ParseState state = parser.parse(std::string_view(piece).substr(taken), used);
      if (state == ParseState::kFailed) return outcome + std::string(parser.error());
      if (state == ParseState::kDone) add_response();
      EXPECT_TRUE(used > 0 || state == ParseState::kDone);
      taken += used;
    }
  }
  if (parser.finish() == ParseState::kDone) {
    add_response();
  } else {
    outcome += parser.error();
  }
  return outcome;
}

TEST(ResponseParserTest, DamagedBytesMeanTheSameHoweverTheyAreCut) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  const std::string sound = "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kPlain) +
                            std::string(kChunked) +
                            "HTTP/1.0 204 x\r\nConnection: a, close\r\n\r\n";
  constexpr std::string_view kLikely = "\r\n :;0123456789aF\t,x\0\xFF";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = sound;
    for (std::size_t changes = below(4); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = kLikely[below(kLikely.size())]; break;
        case 1: text.insert(at, 1, kLikely[below(kLikely.size())]); break;
        default: text.erase(at, 1 + below(3));
      }
    }
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size(); at += pieces.back().size()) {
      pieces.push_back(text.substr(at, 1 + below(60)));
    }
    ASSERT_EQ(outcome_of(pieces), outcome_of({text})) << text;
  }
}

TEST(ResponseParserTest, AfterAResetNothingOfTheOldResponseIsLeft) {
  auto parser = parser_of();
  std::size_t used = 0;
  ASSERT_EQ(parser.parse(kChunked.substr(0, kChunked.size() / 2), used), ParseState::kMore);
  parser.reset();
  ASSERT_EQ(parser.parse(kPlain, used), ParseState::kDone);
  EXPECT_EQ(parser.body(), R"({"ok":true})");
}

}  // namespace
}  // namespace http
