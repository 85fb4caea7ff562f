// The JSON writer is checked with an independent reader: its output is JSON and has the same
// values.
#include "base/json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace base {
namespace {

std::string read_back(const std::string& json) {
  return std::string(boost::json::parse(json).as_string());
}

std::string lossy(std::string_view text) {
  std::string out;
  append_json_lossy(out, text);
  return read_back(out);
}

std::string number(double value, int digits) {
  std::string out;
  append_json_number(out, value, digits);
  return out;
}

TEST(JsonStringTest, EveryAsciiCharacterComesBack) {
  for (int c = 0; c < 128; ++c) {
    const std::string text = {'a', static_cast<char>(c), 'b'};
    std::string json;
    append_json_string(json, text);
    EXPECT_EQ(read_back(json), text) << c;
  }
}

TEST(JsonStringTest, PlainCharactersAreNotEscaped) {
  std::string json = "x";
  append_json_string(json, "Agronomía ñ 日本 🏊 /");
  EXPECT_EQ(json, "x\"Agronomía ñ 日本 🏊 /\"");
}

TEST(JsonStringTest, EscapesAreTheShortOnes) {
  std::string json;
  append_json_string(json, std::string_view("\"\\\n\r\t\0\x1f", 7));
  EXPECT_EQ(json, R"("\"\\\n\r\t\u0000\u001f")");
}

TEST(JsonStringTest, AnEmptyTextIsTwoQuotes) {
  std::string json;
  append_json_string(json, "");
  EXPECT_EQ(json, "\"\"");
}

TEST(JsonLossyTest, ValidTextIsUnchanged) {
  for (const std::string_view text :
       {"", "plain", "Ingeniería", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80", "\xC2\x80",
        "\xE0\xA0\x80", "\xF0\x90\x80\x80"}) {
    EXPECT_EQ(lossy(text), text);
  }
}

TEST(JsonLossyTest, BadUtf8BecomesTheReplacementCharacter) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0", "\xC1", "\xF5", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x8F",
        "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80"}) {
    std::string expected = "<";
    for (std::size_t i = 0; i < bad.size(); ++i) expected += kReplacement;
    EXPECT_EQ(lossy("<" + std::string(bad) + ">"), expected + ">");
  }
}

TEST(JsonLossyTest, AnyBytesAreValidJson) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(random() % 40, '\0');
    // Draw bytes that begin, continue or break UTF-8 sequences more often than chance would.
    constexpr std::string_view kLikely("\xC2\xE0\xED\xEF\xF0\xF4\x80\x8F\x90\x9F\xA0\xBF\"\\\0a",
                                       16);
    for (char& c : bytes)
      c = random() % 2 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    ASSERT_NO_THROW(lossy(bytes));
  }
}

TEST(JsonNumberTest, IntegersAreExact) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    std::string json;
    append_json_number(json, value);
    EXPECT_EQ(json, std::to_string(value));
  }
}

TEST(JsonNumberTest, DecimalsAreRoundedAndTrailingZerosDropped) {
  EXPECT_EQ(number(1.5, 3), "1.5");
  EXPECT_EQ(number(1.0, 3), "1");
  EXPECT_EQ(number(100, 0), "100");
  EXPECT_EQ(number(100, 2), "100");
  EXPECT_EQ(number(0.0004, 3), "0");
  EXPECT_EQ(number(2.0 / 3, 3), "0.667");
  EXPECT_EQ(number(-2.5, 1), "-2.5");
}

TEST(JsonNumberTest, ANumberThatIsNotFiniteIsNull) {
  EXPECT_EQ(number(NAN, 3), "null");
  EXPECT_EQ(number(INFINITY, 3), "null");
  EXPECT_EQ(number(-INFINITY, 3), "null");
}

TEST(JsonNumberTest, TheLargestAndSmallestNumbersAreJson) {
  for (const double value :
       {std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest(),
        std::numeric_limits<double>::denorm_min(), -0.0}) {
    for (const int digits : {0, 1, 20})
      EXPECT_NO_THROW(static_cast<void>(boost::json::parse(number(value, digits)))) << value;
  }
}

TEST(JsonObjectTest, MembersHaveCommasBetweenThem) {
  std::string out;
  JsonObject object(out);
  object.add("count", 12);
  object.add("share", 0.5, 2);
  object.add("is_good", true);
  object.add("na\"me", "a\xff");
  JsonObject empty(object.key("nothing"));
  empty.close();
  object.close();
  EXPECT_EQ(
      out, "{\"count\":12,\"share\":0.5,\"is_good\":true,\"na\\\"me\":\"a\uFFFD\",\"nothing\":{}}");
}

}  // namespace
}  // namespace base
