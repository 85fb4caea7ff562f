// The decoder of chunked bodies: the bodies that it takes and refuses. The result does not depend
// on where the network cuts the bytes.
#include "http/chunked_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace http {
namespace {

// Decodes `text` in pieces that end at `cuts`. Returns the body, "refused: STATUS" or "more".
std::string decode(std::string_view text, std::size_t body_max,
                   const std::vector<std::size_t>& cuts = {}, std::size_t* taken = nullptr) {
  ChunkedDecoder decoder;
  std::string body;
  ParseError error;
  std::size_t at = 0;
  std::vector<std::size_t> ends = cuts;
  ends.push_back(text.size());
  for (const std::size_t end : ends) {
    std::size_t used = 0;
    const auto state = decoder.decode(text.substr(at, end - at), body_max, body, used, error);
    at += used;
    if (taken != nullptr) *taken = at;
    if (state == ParseState::kDone) return body;
    if (state == ParseState::kFailed) return "refused: " + std::to_string(error.status);
    EXPECT_EQ(at, end);
  }
  return "more";
}

constexpr std::string_view kChunks =
    "5\r\nhello\r\n001;name=value; flag\r\n \r\nA\r\nworld!\r\n\r\n\r\n0;last\r\nTrailer: "
    "t\r\nX:\r\n\r\n";
constexpr std::string_view kChunksBody = "hello world!\r\n\r\n";

TEST(ChunkedDecoderTest, JoinsChunksAndSkipsExtensionsAndTrailers) {
  std::size_t taken = 0;
  EXPECT_EQ(decode(std::string(kChunks) + "GET /", 1024, {}, &taken), kChunksBody);
  EXPECT_EQ(taken, kChunks.size());
  EXPECT_EQ(decode("0\r\n\r\n", 0), "");
}

TEST(ChunkedDecoderTest, ABodyCutAnywhereIsTheSame) {
  std::vector<std::size_t> every_byte;
  for (std::size_t first = 0; first < kChunks.size(); ++first) {
    every_byte.push_back(first);
    for (std::size_t second = first; second < kChunks.size(); ++second) {
      ASSERT_EQ(decode(kChunks, 1024, {first, second}), kChunksBody) << first << ' ' << second;
    }
  }
  EXPECT_EQ(decode(kChunks, 1024, every_byte), kChunksBody);
}

TEST(ChunkedDecoderTest, ACutBodyAsksForMore) {
  for (std::size_t size = 0; size < kChunks.size(); ++size) {
    EXPECT_EQ(decode(kChunks.substr(0, size), 1024), "more") << size;
  }
}

TEST(ChunkedDecoderTest, RefusesBadChunks) {
  for (const std::string_view text : {"\r\n",
                                      "x\r\n",
                                      "-1\r\n",
                                      "+1\r\n",
                                      "0x5\r\nhello\r\n",
                                      " 5\r\n",
                                      "5 \r\n",
                                      "5\n",
                                      "5\rhello",
                                      ";ext\r\n",
                                      "5\r\nhello6",
                                      "5\r\nhelloX\n",
                                      "5\r\nhello\rX",
                                      "5\r\nhello\n",
                                      "ffffffffffffffff\r\n",
                                      "0000000000000000\r\n",
                                      "5;a\x01\r\n",
                                      "5;a\n",
                                      "0\r\nno colon\r\n",
                                      "0\r\n: x\r\n",
                                      "0\r\nBad Name: x\r\n",
                                      "0\r\nA: b\n",
                                      "0\r\n\n",
                                      "0\r\nA: b\rc\r\n",
                                      "0\r\nA: \x7f\r\n"}) {
    EXPECT_EQ(decode(text, 1024), "refused: 400") << text;
  }
}

TEST(ChunkedDecoderTest, ABodyIsTakenToTheByteAndRefusedBeyond) {
  EXPECT_EQ(decode("5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n", 8), "helloyou");
  EXPECT_EQ(decode("5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n", 7), "refused: 413");
  EXPECT_EQ(decode("fffffffffffffff\r\n", 1024), "refused: 413");
  EXPECT_EQ(decode("1\r\n", 0), "refused: 413");
}

TEST(ChunkedDecoderTest, ExtensionsAndTrailersAreBounded) {
  EXPECT_EQ(decode("1;" + std::string(4000, 'x') + "\r\nx\r\n0\r\n\r\n", 8), "x");
  EXPECT_EQ(decode("1;" + std::string(5000, 'x'), 8), "refused: 400");
  EXPECT_EQ(decode("0\r\nA: " + std::string(5000, 'x'), 8), "refused: 400");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "1;x\r\ny\r\n";
  EXPECT_EQ(decode(many, 100'000), "refused: 400");
}

TEST(ChunkedDecoderTest, BodiesOfRandomChunksComeBackWhateverTheCuts) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  for (int round = 0; round < 200; ++round) {
    std::string body;
    std::string text;
    for (std::size_t chunks = below(6); chunks > 0; --chunks) {
      std::string chunk(1 + below(300), '\0');
      for (char& c : chunk) c = static_cast<char>(below(256));
      char size[32];
      std::snprintf(size, sizeof size, below(2) == 0 ? "%zx" : "%zX", chunk.size());
      text += std::string(size) + "\r\n" + chunk + "\r\n";
      body += chunk;
    }
    text += "0\r\n\r\n";
    std::vector<std::size_t> cuts(below(10));
    for (std::size_t& cut : cuts) cut = below(text.size());
    std::ranges::sort(cuts);
    ASSERT_EQ(decode(text, body.size(), cuts), body);
  }
}

TEST(ChunkedDecoderTest, AResetDecoderStartsAnew) {
  ChunkedDecoder decoder;
  std::string body;
  ParseError error;
  std::size_t used = 0;
  ASSERT_EQ(decoder.decode("ff\r\nabc", 1024, body, used, error), ParseState::kMore);
  decoder.reset();
  body.clear();
  ASSERT_EQ(decoder.decode("2\r\nok\r\n0\r\n\r\n", 1024, body, used, error), ParseState::kDone);
  EXPECT_EQ(body, "ok");
}

}  // namespace
}  // namespace http
