// The request parser: the heads that it takes and refuses. The result does not depend on where the
// network cuts the bytes.
#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace http {
namespace {

constexpr std::string_view kPost =
    "POST /v1/entries?dry=1&x=/y HTTP/1.1\r\nHost: contest.example\r\nContent-Length: 17\r\n"
    "X-Empty:\r\nX-Padded: \t a b \t\r\n\r\n";

struct Parsed {
  ParseState state = ParseState::kMore;
  RequestHead head;
  ParseError error;
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  std::size_t scanned = 0;
  parsed.state = parse_head(text, scanned, parsed.head, parsed.error);
  return parsed;
}

// Returns the status that refuses `text` as a whole head. Returns 0 when the head is taken.
int refusal(std::string_view text) {
  const Parsed parsed = parse(text);
  EXPECT_NE(parsed.state, ParseState::kMore) << text;
  return parsed.state == ParseState::kFailed ? parsed.error.status : 0;
}

// Returns a head with the required lines and one more header line.
std::string with(std::string_view line) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(line) + "\r\n\r\n";
}

std::vector<std::pair<std::string_view, std::string_view>> headers_of(const RequestHead& head) {
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  for (std::size_t i = 0; i < head.header_count; ++i) {
    headers.emplace_back(head.headers[i].name, head.headers[i].value);
  }
  return headers;
}

void expect_same(const Parsed& a, const Parsed& b) {
  ASSERT_EQ(a.state, b.state);
  if (a.state != ParseState::kDone) return;
  EXPECT_EQ(a.head.method, b.head.method);
  EXPECT_EQ(a.head.path, b.head.path);
  EXPECT_EQ(a.head.query, b.head.query);
  EXPECT_EQ(a.head.host, b.head.host);
  EXPECT_EQ(headers_of(a.head), headers_of(b.head));
  EXPECT_EQ(a.head.size, b.head.size);
  EXPECT_EQ(a.head.content_length, b.head.content_length);
  EXPECT_EQ(a.head.has_content_length, b.head.has_content_length);
  EXPECT_EQ(a.head.chunked, b.head.chunked);
  EXPECT_EQ(a.head.keep_alive, b.head.keep_alive);
  EXPECT_EQ(a.head.expects_continue, b.head.expects_continue);
  EXPECT_EQ(a.head.is_http_1_0, b.head.is_http_1_0);
}

// Parses as a connection does: from the start again whenever more bytes arrive.
Parsed parse_in_pieces(std::string_view text, const std::vector<std::size_t>& cuts) {
  Parsed parsed;
  std::size_t scanned = 0;
  for (const std::size_t cut : cuts) {
    parsed.state = parse_head(text.substr(0, cut), scanned, parsed.head, parsed.error);
    if (parsed.state != ParseState::kMore) return parsed;
  }
  parsed.state = parse_head(text, scanned, parsed.head, parsed.error);
  return parsed;
}

TEST(RequestParserTest, TheHostIsTheTargetsAuthorityOrElseTheField) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nhost:  h:80 \r\n\r\n").head.host, "h:80");
  EXPECT_EQ(parse("GET http://a:1/p HTTP/1.1\r\nHost: h\r\n\r\n").head.host, "a:1");
  EXPECT_EQ(parse("GET http://a HTTP/1.1\r\nHost: h\r\n\r\n").head.host, "a");
  const RequestHead empty = parse("GET / HTTP/1.1\r\nHost:\r\n\r\n").head;
  EXPECT_TRUE(empty.host.empty());
  EXPECT_NE(empty.host.data(), nullptr);
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").head.host.data(), nullptr);
}

TEST(RequestHeadTest, GivesThePartsOfARequestAsViews) {
  const Parsed parsed = parse(kPost);
  ASSERT_EQ(parsed.state, ParseState::kDone);
  const RequestHead& head = parsed.head;
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.path, "/v1/entries");
  EXPECT_EQ(head.query, "dry=1&x=/y");
  const std::vector<std::pair<std::string_view, std::string_view>> expected = {
      {"Host", "contest.example"}, {"Content-Length", "17"}, {"X-Empty", ""}, {"X-Padded", "a b"}};
  EXPECT_EQ(headers_of(head), expected);
  EXPECT_EQ(head.size, kPost.size());
  EXPECT_TRUE(head.has_content_length);
  EXPECT_EQ(head.content_length, 17U);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.chunked);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_FALSE(head.is_http_1_0);
}

TEST(RequestHeadTest, TakesNothingOfTheBodyOrOfTheNextRequest) {
  const std::string two = std::string(kPost) + "{\"discipline\":1}\nGET / HTTP/1.1\r\n\r\n";
  const Parsed parsed = parse(two);
  ASSERT_EQ(parsed.state, ParseState::kDone);
  EXPECT_EQ(parsed.head.size, kPost.size());
}

TEST(RequestHeadTest, KnowsTheMethodsAndLeavesOthersToTheRouter) {
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kDelete, Method::kPatch, Method::kOptions}) {
    const Parsed parsed = parse(std::string(to_string(method)) + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_EQ(parsed.state, ParseState::kDone);
    EXPECT_EQ(parsed.head.method, method);
  }
  EXPECT_EQ(parse("BREW / HTTP/1.1\r\nHost: h\r\n\r\n").head.method, Method::kOther);
  EXPECT_EQ(parse("get / HTTP/1.1\r\nHost: h\r\n\r\n").head.method, Method::kOther);
}

TEST(RequestHeadTest, TakesTheAbsoluteFormOfATarget) {
  const auto path_of = [](std::string_view target) {
    return std::string(
        parse("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n").head.path);
  };
  EXPECT_EQ(path_of("http://h:80/a/b"), "/a/b");
  EXPECT_EQ(path_of("http://h"), "/");
  EXPECT_EQ(path_of("*"), "*");
}

TEST(RequestHeadTest, AQueryRightAfterTheAuthorityIsNotReadAsThePath) {
  const Parsed parsed = parse("GET http://h?to=/v1/entries HTTP/1.1\r\nHost: h\r\n\r\n");
  if (parsed.state == ParseState::kFailed) return;  // a refusal is right too
  EXPECT_EQ(parsed.head.path, "/");
  EXPECT_EQ(parsed.head.query, "to=/v1/entries");
}

TEST(RequestHeadTest, OneEmptyLineBeforeTheRequestIsSkipped) {
  const std::string text = "\r\n" + std::string(kPost);
  const Parsed parsed = parse(text);
  ASSERT_EQ(parsed.state, ParseState::kDone);
  EXPECT_EQ(parsed.head.size, text.size());
  EXPECT_EQ(refusal("\r\n\r\n" + std::string(kPost)), 400);
}

TEST(RequestHeadTest, AnEmptyOrCutHeadAsksForMore) {
  for (std::size_t size = 0; size < kPost.size(); ++size) {
    EXPECT_EQ(parse(kPost.substr(0, size)).state, ParseState::kMore) << size;
  }
}

TEST(RequestHeadTest, KeepAliveFollowsVersionAndConnection) {
  const auto keeps = [](std::string_view version, std::string_view connection) {
    const Parsed parsed = parse("GET / " + std::string(version) + "\r\nHost: h\r\n" +
                                std::string(connection) + "\r\n");
    EXPECT_EQ(parsed.state, ParseState::kDone);
    return parsed.head.keep_alive;
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "connection: TE , CLOSE\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestHeadTest, HostIsNeededFromHttp11On) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestHeadTest, RefusesAMalformedRequestLine) {
  for (const std::string_view line : {"",
                                      " ",
                                      "GET",
                                      "GET /",
                                      "GET  HTTP/1.1",
                                      "GET / HTTP/1.1 ",
                                      " GET / HTTP/1.1",
                                      "GET /a b HTTP/1.1",
                                      "GET /\tb HTTP/1.1",
                                      "GET / HTTP/1",
                                      "GET / http/1.1",
                                      "GET / HTTP/1.1x",
                                      "G@T / HTTP/1.1",
                                      "GET\t/ HTTP/1.1",
                                      "GET relative HTTP/1.1",
                                      "GET ftp://h/ HTTP/1.1",
                                      "GET h:80 HTTP/1.1",
                                      "GET /\x7f HTTP/1.1",
                                      "GET /\x01 HTTP/1.1",
                                      "\xff\xfe / HTTP/1.1"}) {
    EXPECT_EQ(refusal(std::string(line) + "\r\nHost: h\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(refusal(std::string("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", 29)), 400);
}

TEST(RequestHeadTest, RefusesOtherVersionsWith505) {
  for (const std::string_view version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"}) {
    EXPECT_EQ(refusal("GET / " + std::string(version) + "\r\nHost: h\r\n\r\n"), 505) << version;
  }
}

TEST(RequestHeadTest, RefusesAMalformedHeaderLine) {
  for (const std::string_view line :
       {"no colon", ": nameless", "Space : before-colon", " Folded: line", "\tFolded: line",
        "Bad@Name: x", "N\xC3\xA1me: x",
        "Ctl: a\x01"
        "b",
        "Del: a\x7f"
        "b",
        "Cr: a\rb", "Lf: a\nb"}) {
    EXPECT_EQ(refusal(with(line)), 400) << line;
  }
  EXPECT_EQ(refusal(with(std::string_view("Nul: a\0b", 8))), 400);
  EXPECT_EQ(refusal(with("Utf8: Agronom\xC3\xAD"
                         "a")),
            0);
}

TEST(RequestHeadTest, ABareLineFeedIsRefusedBeforeTheHeadIsWhole) {
  const Parsed parsed = parse("GET / HTTP/1.1\nHost: h\n");
  ASSERT_EQ(parsed.state, ParseState::kFailed);
  EXPECT_EQ(parsed.error.status, 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\nHost: h\n\r\n\r\n"), 400);
}

TEST(RequestHeadTest, ContentLengthIsDigitsAndOccursOnce) {
  EXPECT_EQ(refusal(with("Content-Length: 0")), 0);
  EXPECT_EQ(parse(with("Content-Length: 999999999999999999")).head.content_length,
            999'999'999'999'999'999U);
  for (const std::string_view value :
       {"", "-1", "+1", "1.0", "0x10", "1 1", "1,1", "1e3", "abc", "10000000000000000000000"}) {
    EXPECT_EQ(refusal(with("Content-Length: " + std::string(value))), 400) << value;
  }
  EXPECT_EQ(refusal(with("Content-Length: 5\r\nContent-Length: 6")), 400);
  EXPECT_EQ(refusal(with("Content-Length: 5\r\ncontent-length: 5")), 400);
}

TEST(RequestHeadTest, TransferEncodingIsChunkedOrRefused) {
  const Parsed parsed = parse(with("Transfer-Encoding: Chunked"));
  ASSERT_EQ(parsed.state, ParseState::kDone);
  EXPECT_TRUE(parsed.head.chunked);
  EXPECT_EQ(refusal(with("Transfer-Encoding: gzip")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding: gzip, chunked")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding: chunked, chunked")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding: xchunked")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding:")), 400);
  EXPECT_EQ(refusal(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")), 400);
  EXPECT_EQ(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(RequestHeadTest, TwoKindsOfLengthAreRefusedInEitherOrder) {
  EXPECT_EQ(refusal(with("Content-Length: 5\r\nTransfer-Encoding: chunked")), 400);
  EXPECT_EQ(refusal(with("Transfer-Encoding: chunked\r\nContent-Length: 5")), 400);
}

TEST(RequestHeadTest, ExpectIsContinueOrRefused) {
  EXPECT_TRUE(parse(with("Expect: 100-Continue")).head.expects_continue);
  EXPECT_EQ(refusal(with("Expect: 200-ok")), 417);
  EXPECT_FALSE(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head.expects_continue);
}

TEST(RequestHeadTest, SixtyFourHeadersAreTakenAndOneMoreIsNot) {
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::size_t i = 1; i < RequestHead::kHeadersMax; ++i) text += "X: y\r\n";
  EXPECT_EQ(parse(text + "\r\n").head.header_count, RequestHead::kHeadersMax);
  EXPECT_EQ(refusal(text + "X: y\r\n\r\n"), 431);
}

TEST(RequestHeadTest, ALongHeadIsTakenToTheByteAndRefusedBeyond) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const auto head_of = [&](std::size_t size) {
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(refusal(head_of(RequestHead::kBytesMax)), 0);
  EXPECT_EQ(refusal(head_of(RequestHead::kBytesMax + 1)), 431);
  const Parsed endless = parse(start + std::string(RequestHead::kBytesMax, 'x'));
  ASSERT_EQ(endless.state, ParseState::kFailed);
  EXPECT_EQ(endless.error.status, 431);
}

TEST(RequestHeadTest, AHeadKeepsNothingOfThePreviousOneInTheSameObject) {
  RequestHead head;
  ParseError error;
  std::size_t scanned = 0;
  const std::string first =
      with("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close");
  ASSERT_EQ(parse_head(first, scanned, head, error), ParseState::kDone);
  scanned = 0;
  ASSERT_EQ(parse_head("GET /b HTTP/1.1\r\nHost: h\r\n\r\n", scanned, head, error),
            ParseState::kDone);
  EXPECT_FALSE(head.chunked);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.header_count, 1U);
  EXPECT_EQ(head.query, "");
}

TEST(RequestHeadTest, AHeadCutAnywhereIsTheSame) {
  const std::vector<std::string> heads = {
      std::string(kPost),
      "\r\n" + std::string(kPost),
      with("Transfer-Encoding: chunked\r\nExpect: 100-continue"),
      with("Content-Length: 5\r\nContent-Length: 6"),
      with("Bad Name: x"),
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/3.0\r\nHost: h\r\n\r\n",
      "\r\n\r\n\r\n",
  };
  for (const std::string& text : heads) {
    const Parsed whole = parse(text);
    ASSERT_NE(whole.state, ParseState::kMore);
    std::vector<std::size_t> every_byte;
    for (std::size_t first = 0; first < text.size(); ++first) {
      every_byte.push_back(first);
      for (std::size_t second = first; second < text.size(); ++second) {
        const Parsed cut = parse_in_pieces(text, {first, second});
        expect_same(cut, whole);
        ASSERT_EQ(cut.error.status, whole.error.status) << text << first << ' ' << second;
      }
    }
    expect_same(parse_in_pieces(text, every_byte), whole);
  }
}

}  // namespace
}  // namespace http
