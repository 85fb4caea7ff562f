#include "estadio/faculty/entry_parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <boost/json.hpp>
#include <random>
#include <set>

#include "estadio/contest/test_world.h"

namespace estadio {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kNowMs = 1'790'000'000'000;
constexpr std::string_view kId4 = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

// Texts of these tests have UTF-8 bytes such as "\xC3" "\xAD": í is two bytes.
class EntryParserTest : public testing::Test {
 protected:
  using Options = EntryParser::Options;

  static Options json() {
    return {.format = BodyFormat::kJson, .faculty = {}, .now_ms = kNowMs, .judges = {}};
  }
  static Options ndjson() {
    return {.format = BodyFormat::kNdjson, .faculty = {}, .now_ms = kNowMs, .judges = {}};
  }

  // Parses into a batch that has an entry. A rejection must leave that batch unchanged.
  tl::expected<EntryParser::Parsed, Rejection> parse(std::string_view body,
                                                     const Options& options) {
    batch_.clear();
    batch_.entries.resize(2);
    batch_.text = "earlier";
    // Exactly as large as the body, so that a sanitizer sees a read beyond it.
    const std::vector<char> exact(body.begin(), body.end());
    auto parsed = parser_.parse({exact.data(), exact.size()}, options, batch_);
    if (parsed) {
      EXPECT_EQ(batch_.entries.size(), 2 + parsed->count);
      EXPECT_GT(parsed->count, 0U);
      EXPECT_TRUE(batch_.text.starts_with("earlier"));
    } else {
      EXPECT_EQ(batch_.entries.size(), 2U) << body;
      EXPECT_EQ(batch_.text, "earlier") << body;
    }
    return parsed;
  }
  const Entry& accepted(std::string_view body) { return accepted(body, json()); }
  const Entry& accepted(std::string_view body, const Options& options) {
    const auto parsed = parse(body, options);
    EXPECT_TRUE(parsed) << body << ": " << parsed.error().detail;
    return batch_.entries.back();
  }
  Rejection rejected(std::string_view body, const Options& options) {
    auto parsed = parse(body, options);
    EXPECT_FALSE(parsed) << body;
    return parsed ? Rejection() : std::move(parsed).error();
  }
  std::string student() const { return std::string(batch_.student(batch_.entries.back())); }

  const Contest contest_ = Contest::defaults();
  EntryParser parser_{contest_};
  EntryBatch batch_;
};

TEST_F(EntryParserTest, TakesAnEntryWithFacultyAndDisciplineAlone) {
  const Entry& entry = accepted(R"({"faculty":"Ingeniería","discipline":1})");
  EXPECT_EQ(entry.faculty, 0);
  EXPECT_EQ(entry.discipline, 0);
  EXPECT_FALSE(entry.has_student);
  EXPECT_FALSE(entry.is_id_given);
  EXPECT_EQ(entry.age, Entry::kNoAge);
  EXPECT_TRUE(entry.id.is_marked());
}

TEST_F(EntryParserTest, TakesEveryFieldInAnyOrderAndSpacing) {
  const std::string body = fmt::format(
      " \r\n\t{{ \"age\" : 20 , \"student\":\"Ana Sofía\" ,\"id\":\"{}\",\n\"discipline\": 3,"
      "\"faculty\":\"AGRONOMY\" }}\n ",
      kId4);
  const Entry& entry = accepted(body);
  EXPECT_EQ(entry.faculty, 1);
  EXPECT_EQ(entry.discipline, 2);
  EXPECT_EQ(entry.age, 20);
  EXPECT_TRUE(entry.is_id_given);
  EXPECT_EQ(entry.id.to_string(), kId4);
  EXPECT_EQ(student(), "Ana Sofía");
}

TEST_F(EntryParserTest, FacultiesAreFoundInAnySpelling) {
  for (const char* name :
       {"Ingeniería", "ingenieria", "INGENIERÍA", "Ingenieri\u0301a", "engineering", "ENGINEERING",
        R"(Ingenier\u00eda)", R"(\u0049ngenieria)"}) {
    EXPECT_EQ(accepted(fmt::format(R"({{"faculty":"{}","discipline":1}})", name)).faculty, 0)
        << name;
  }
}

TEST_F(EntryParserTest, KeysMayBeEscaped) {
  EXPECT_EQ(accepted(R"({"f\u0061culty":"Agronomía","discipl\u0069ne":2})").discipline, 1);
}

TEST_F(EntryParserTest, EveryEscapeOfAStudentsNameIsDecoded) {
  accepted(
      R"({"faculty":"agronomy","discipline":1,"student":"a\"\\\/\b\f\n\r\tü\u00FC\ud83d\udE00z"})");
  EXPECT_EQ(student(), "a\"\\/\b\f\n\r\tüü😀z");
  accepted(
      R"({"faculty":"agronomy","discipline":1,"student":"\u0001\u007f\u0800\uFFFF\udbff\udfff"})");
  EXPECT_EQ(student(), "\x01\x7f\u0800\uFFFF\U0010FFFF");
  accepted(R"({"faculty":"agronomy","discipline":1,"student":""})");
  EXPECT_EQ(student(), "");
  EXPECT_TRUE(batch_.entries.back().has_student);
}

TEST_F(EntryParserTest, TakesAnArrayAndLines) {
  const std::string one = R"({"faculty":"agronomy","discipline":2,"student":"A"})";
  const std::string two = R"({"faculty":"engineering","discipline":3,"student":"Bé"})";
  for (const auto& [body, options] :
       {std::pair("[" + one + "," + two + "]", json()),
        std::pair(" [ " + one + " ,\n" + two + " ] ", json()),
        std::pair(one + "\n" + two, ndjson()), std::pair(one + "\n" + two + "\n", ndjson()),
        std::pair("\n \n" + one + "\r\n\t\n " + two + " \r\n\n", ndjson())}) {
    const auto parsed = parse(body, options);
    ASSERT_TRUE(parsed) << body << parsed.error().detail;
    EXPECT_EQ(parsed->count, 2U);
    EXPECT_FALSE(parsed->is_single);
    EXPECT_EQ(batch_.student(batch_.entries[2]), "A");
    EXPECT_EQ(batch_.student(batch_.entries[3]), "Bé");
    EXPECT_EQ(batch_.entries[2].discipline, 1);
    EXPECT_EQ(batch_.entries[3].discipline, 2);
    EXPECT_NE(batch_.entries[2].id, batch_.entries[3].id);
  }
  EXPECT_TRUE(parse(one, json())->is_single);
  EXPECT_FALSE(parse("[" + one + "]", json())->is_single);
  EXPECT_FALSE(parse(one, ndjson())->is_single);
}

TEST_F(EntryParserTest, AMissingFieldIsNotTakenFromTheEntryBefore) {
  ASSERT_TRUE(parse(fmt::format(R"([{{"faculty":"agronomy","discipline":2,"student":"A","age":9,)"
                                R"("id":"{}"}},{{"faculty":"engineering","discipline":1}}])",
                                kId4),
                    json()));
  const Entry& entry = batch_.entries.back();
  EXPECT_FALSE(entry.has_student);
  EXPECT_EQ(entry.age, Entry::kNoAge);
  EXPECT_FALSE(entry.is_id_given);
  EXPECT_NE(entry.id.to_string(), kId4);
}

TEST_F(EntryParserTest, BoundsAreTakenAndOneBeyondIsNot) {
  const auto with = [](const std::string& member) {
    return R"({"faculty":"agronomy","discipline":1,)" + member + "}";
  };
  EXPECT_EQ(accepted(with(R"("age":0)")).age, 0);
  EXPECT_EQ(accepted(with(R"("age":-0)")).age, 0);
  EXPECT_EQ(accepted(with(R"("age":150)")).age, 150);
  EXPECT_EQ(rejected(with(R"("age":151)"), json()).errors[0].field, "age");
  EXPECT_EQ(rejected(with(R"("age":-1)"), json()).errors[0].field, "age");
  accepted(with("\"student\":\"" + std::string(200, 'x') + "\""));
  EXPECT_EQ(student().size(), 200U);
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "é";
  accepted(with("\"student\":\"" + accents + "\""));
  EXPECT_EQ(student(), accents);
  EXPECT_EQ(rejected(with("\"student\":\"" + accents + "x\""), json()).errors[0].field, "student");
}

TEST_F(EntryParserTest, AsManyEntriesAsAllowedAndNoMore) {
  const std::string one = R"({"faculty":"agronomy","discipline":2})";
  for (const bool is_array : {true, false}) {
    Options options = is_array ? json() : ndjson();
    options.entries_max = 3;
    std::string body = is_array ? "[" : "";
    for (int i = 0; i < 3; ++i) body += (i == 0 ? "" : is_array ? "," : "\n") + one;
    EXPECT_TRUE(parse(body + (is_array ? "]" : "\n"), options));
    const Rejection rejection = rejected(body + (is_array ? "," + one + "]" : "\n" + one), options);
    EXPECT_EQ(rejection.kind, Rejection::Kind::kTooMany);
    EXPECT_THAT(rejection.detail, HasSubstr("at most 3"));
  }
  std::string large = "[";
  for (int i = 0; i < 100'000; ++i) large += (i == 0 ? "" : ",") + one;
  EXPECT_EQ(rejected(large + "]", json()).kind, Rejection::Kind::kTooMany);
}

TEST_F(EntryParserTest, AFacultysPathMakesTheFieldOptionalAndRefusesAnother) {
  Options options = json();
  options.faculty = FacultyIndex{1};
  EXPECT_EQ(accepted(R"({"discipline":1})", options).faculty, 1);
  EXPECT_EQ(accepted(R"({"discipline":1,"faculty":"Agronomia"})", options).faculty, 1);
  const Rejection rejection = rejected(R"({"discipline":1,"faculty":"Ingeniería"})", options);
  EXPECT_EQ(rejection.kind, Rejection::Kind::kInvalid);
  ASSERT_EQ(rejection.errors.size(), 1U);
  EXPECT_EQ(rejection.errors[0].field, "faculty");
  EXPECT_THAT(rejection.errors[0].detail, HasSubstr("Agronomía alone"));
}

TEST_F(EntryParserTest, AnIdThatTheServerGaveIsRefusedFromAClient) {
  const std::string given = accepted(R"({"faculty":"agronomy","discipline":1})").id.to_string();
  const Rejection rejection =
      rejected(fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})", given), json());
  EXPECT_EQ(rejection.errors[0].field, "id");
  EXPECT_THAT(rejection.errors[0].detail, HasSubstr("the server gave this id"));
}

TEST_F(EntryParserTest, AContestOfIdsOfVersion7RefusesOthersAndSaysHowToMakeOne) {
  const Contest strict = Contest::from_toml("ids = \"v7\"", "test").value();
  EntryParser parser(strict);
  const auto errors_of = [&](std::string_view id) {
    const std::string body =
        fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})", id);
    EntryBatch batch;
    const auto parsed = parser.parse(body, json(), batch);
    return parsed ? std::vector<Rejection::FieldError>() : parsed.error().errors;
  };
  EXPECT_THAT(errors_of("0193b3e4-7c1a-7def-8abc-0123456789ab"), IsEmpty());
  const auto errors = errors_of(kId4);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].field, "id");
  EXPECT_THAT(errors[0].detail, HasSubstr("expected an id of version 7"));
  EXPECT_THAT(errors[0].detail, HasSubstr("got version 4"));
  EXPECT_THAT(errors[0].detail, HasSubstr("uuidgen --time-v7"));
  EntryBatch batch;
  EXPECT_TRUE(parser.parse(R"({"faculty":"agronomy","discipline":1})", json(), batch));
}

TEST_F(EntryParserTest, OnlyAnIdOfVersion7MustBeWithinTheWindow) {
  base::UuidGenerator ids;
  Options options = json();
  // The ids are compared with the judges' clocks, not with ours.
  options.now_ms = kNowMs - 3'600'000;
  options.judges = JudgeTimes{.earliest_ms = kNowMs - 5'000,
                              .latest_ms = kNowMs,
                              .rule = RetryRule(std::chrono::minutes(10))};
  const auto body = [](const std::string& id) {
    return fmt::format(R"({{"faculty":"agronomy","discipline":1,"id":"{}"}})", id);
  };
  for (const std::int64_t ms : {kNowMs - 600'000, kNowMs, kNowMs + 25'000}) {
    const std::string id = ids.next(ms).to_string();
    EXPECT_EQ(accepted(body(id), options).id.to_string(), id);
  }
  const Rejection old = rejected(body(ids.next(kNowMs - 600'001).to_string()), options);
  EXPECT_EQ(old.errors[0].field, "id");
  EXPECT_THAT(old.errors[0].detail, HasSubstr("at most 10m old"));
  const Rejection future = rejected(body(ids.next(kNowMs + 25'001).to_string()), options);
  EXPECT_EQ(future.errors[0].field, "id");
  EXPECT_THAT(future.errors[0].detail, HasSubstr("at most 30s ahead"));
  EXPECT_TRUE(accepted(body(std::string(kId4)), options).is_id_given);
  EXPECT_EQ(accepted(body("3F2504E0-4F89-41D3-9A0C-0305E82C3301"), options).id.to_string(), kId4);
}

// ---------------------------------------------------------------------------------------------
// Bodies that are not JSON

struct Malformed {
  std::string body;
  std::size_t offset;
  std::string detail;
};

void PrintTo(const Malformed& each, std::ostream* out) { *out << each.body.substr(0, 60); }

class MalformedJsonTest : public EntryParserTest, public testing::WithParamInterface<Malformed> {};

TEST_P(MalformedJsonTest, IsRefusedWithItsPlace) {
  const auto& [body, offset, detail] = GetParam();
  const Rejection rejection = rejected(body, json());
  EXPECT_EQ(rejection.kind, Rejection::Kind::kMalformed) << rejection.detail;
  EXPECT_EQ(rejection.offset, offset) << rejection.detail;
  EXPECT_EQ(rejection.line, 0);
  EXPECT_THAT(rejection.errors, IsEmpty());
  EXPECT_EQ(rejection.detail, fmt::format("malformed JSON at byte {}: {}", offset, detail));
}

std::vector<Malformed> malformed_bodies() {
  const std::string end = "the JSON ends here before it is complete";
  const std::string value = "expected a JSON value";
  const std::string half = "half of a surrogate pair";
  const std::string control = "a control character must be escaped in a text";
  const auto text = [](const std::string& inside) { return "{\"student\":\"" + inside + "\"}"; };
  const std::string deep = "nested deeper than 32 levels";
  std::vector<Malformed> bodies = {
      {"", 0, end},
      {"  \n", 3, end},
      {"{", 1, end},
      {"[", 1, end},
      {"[{}", 3, end},
      {"{\"", 2, end},
      {R"({"faculty)", 9, end},
      {R"({"faculty")", 10, end},
      {R"({"faculty":)", 11, end},
      {R"({"faculty":"Ing)", 15, end},
      {R"({"faculty":"Ing")", 16, end},
      {R"({"faculty":"Ing",)", 17, end},
      {R"({"age":tru)", 10, end},
      {R"({"age":-)", 8, end},
      {R"({"age":1.)", 9, end},
      {R"({"age":1e)", 9, end},
      {R"({"age":1e+)", 10, end},
      {"{\"student\":\"\\", 13, end},
      {"{\"student\":\"\\u00", 16, end},
      {R"({"age":{"a":[1,)", 15, end},
      {R"({"age":1}x)", 9, "expected nothing more after the JSON"},
      {R"({"age":1}{"age":2})", 9, "expected nothing more after the JSON"},
      {R"([{"age":1}]])", 11, "expected nothing more after the JSON"},
      {R"({"age":1,})", 9, "expected a text in double quotes"},
      {R"({,"age":1})", 1, "expected a text in double quotes"},
      {R"({age:1})", 1, "expected a text in double quotes"},
      {R"({'age':1})", 1, "expected a text in double quotes"},
      {R"({"age" 1})", 7, "expected ':' after the key"},
      {R"({"age":1 "id":2})", 9, "expected ',' or '}'"},
      {R"({"age":1])", 8, "expected ',' or '}'"},
      {R"([{} {}])", 4, "expected ',' or ']' after an entry"},
      {R"([{},])", 4, value},
      {R"([,{}])", 1, value},
      {"nonsense", 0, value},
      {"{\"age\":NaN}", 7, value},
      {"{\"age\":+1}", 7, value},
      {"{\"age\":.5}", 7, value},
      {"{\"age\":True}", 7, value},
      {"{\"age\":truE}", 7, value},
      {"{\"age\":nul}", 7, value},
      {"{\"age\":}", 7, value},
      {"{\"age\":01}", 8, "a number cannot begin with 0"},
      {"{\"age\":-01}", 9, "a number cannot begin with 0"},
      {"{\"age\":1.e5}", 9, "expected a digit"},
      {"{\"age\":-x}", 8, "expected a digit"},
      {"{\"age\":1e}", 9, "expected a digit"},
      {"{\"age\":0x10}", 8, "expected ',' or '}'"},
      {R"({"age":{"a":1,}})", 14, "expected a text in double quotes"},
      {R"({"age":[1,]})", 10, value},
      {R"({"age":[1 2]})", 10, "expected ',' or ']'"},
      {R"({"age":[1}})", 9, "expected ',' or ']'"},
      {R"({"age":{"a" 1}})", 12, "expected ':' after the key"},
      {"// no\n{}", 0, value},
      {"\xEF\xBB\xBF{}", 0, value},  // a byte order mark is not JSON
      // Duplicate keys.
      {R"({"age":1,"age":1})", 9, "the key occurs twice"},
      {R"({"discipline":1, "d\u0069scipline":2})", 17, "the key occurs twice"},
      {R"([{"id":1},{"faculty":"a","faculty":"a"}])", 25, "the key occurs twice"},
      // Control characters, NUL and escapes.
      {text("a\nb"), 13, control},
      {text(std::string("a\0b", 3)), 13, control},
      {text("\x1f"), 12, control},
      {text("\\u0041\t"), 18, control},
      {std::string("{\0}", 3), 1, "expected a text in double quotes"},
      {std::string("{\"age\":\0}", 9), 7, value},
      {std::string("{}\0", 3), 2, "expected nothing more after the JSON"},
      {text("\\x41"), 13, "unknown escape in a text"},
      {text("\\u12G4"), 16, "expected four hexadecimal digits after \\u"},
      // Lone surrogates.
      {text("\\ud800"), 12, half},
      {text("ab\\uDFFF"), 14, half},
      {text("\\ud800x"), 12, half},
      {text("\\ud800\\n"), 12, half},
      {text("\\ud800\\ud800"), 12, half},
      {text("\\ud83d\\u0041"), 12, half},
      {text("\\ude00\\ud83d"), 12, half},
      {R"({"a\ud800":1})", 3, half},
      // Bytes that are not UTF-8.
      {text("\xFF"), 12, "not UTF-8"},
      {text("\xC0\x80"), 12, "not UTF-8"},          // an overlong NUL
      {text("\xED\xA0\x80"), 12, "not UTF-8"},      // a surrogate
      {text("\xF4\x90\x80\x80"), 12, "not UTF-8"},  // beyond U+10FFFF
      {text("\xC3"), 12, "not UTF-8"},              // cut off
      {text("í\x80"), 14, "not UTF-8"},             // one too many
      {text("\xE2\x82"), 12, "not UTF-8"},
      {text("\x80\x80\x80\x80\x80\x80\x80\x80"), 12, "not UTF-8"},
      {"\xFE", 0, "not UTF-8"},
      {"{}\xC3", 2, "not UTF-8"},
      // Nesting: an entry is the first level.
      {"{\"age\":" + std::string(32, '[') + std::string(32, ']') + "}", 7 + 31, deep},
      {std::string(100'000, '['), 32, deep},
  };
  // A wrong byte far into a large body is found to the byte.
  std::string large = text("");
  for (int i = 0; i < 5000; ++i) large.insert(12, i % 3 == 0 ? "é" : i % 3 == 1 ? "😀" : "x");
  for (const std::size_t at : {std::size_t{12}, std::size_t{5000}, large.size() - 3}) {
    std::string body = large;
    std::size_t place = at;  // the start of a character
    while ((static_cast<unsigned char>(body[place]) & 0xC0) == 0x80) ++place;
    body.insert(place, "\xFF");
    bodies.push_back({body, place, "not UTF-8"});
  }
  return bodies;
}

INSTANTIATE_TEST_SUITE_P(All, MalformedJsonTest, testing::ValuesIn(malformed_bodies()));

TEST_F(EntryParserTest, ABrokenLineAmongAThousandIsNamedByLineAndByte) {
  const std::string line = R"({"faculty":"agronomy","discipline":2})";
  for (const std::size_t bad : {0U, 1U, 499U, 999U}) {
    std::string body;
    for (std::size_t i = 0; i < 1000; ++i) {
      body += i == bad ? line.substr(0, line.size() - 1) : line;
      body += "\n";
    }
    const Rejection rejection = rejected(body, ndjson());
    EXPECT_EQ(rejection.kind, Rejection::Kind::kMalformed);
    EXPECT_EQ(rejection.line, static_cast<std::int64_t>(bad) + 1);
    EXPECT_EQ(rejection.offset, bad * (line.size() + 1) + line.size() - 1);
    EXPECT_THAT(rejection.detail,
                HasSubstr(fmt::format("at byte {}, in line {}", rejection.offset, bad + 1)));
  }
}

TEST_F(EntryParserTest, ALineOfTwoEntriesAndAnArrayInALineAreRefused) {
  const std::string line = R"({"faculty":"agronomy","discipline":2})";
  const Rejection two = rejected(line + "\n" + line + " " + line, ndjson());
  EXPECT_EQ(two.kind, Rejection::Kind::kMalformed);
  EXPECT_EQ(two.line, 2);
  EXPECT_EQ(two.offset, line.size() * 2 + 2);
  const Rejection array = rejected("[" + line + "]", ndjson());
  EXPECT_EQ(array.kind, Rejection::Kind::kInvalid);
  EXPECT_EQ(array.errors[0].line, 1);
}

TEST_F(EntryParserTest, BytesThatAreNotUtf8AreNamedByLineToo) {
  const Rejection rejection = rejected("\n{\"student\":\"\xFF\"}\n", ndjson());
  EXPECT_EQ(rejection.kind, Rejection::Kind::kMalformed);
  EXPECT_EQ(rejection.line, 2);
  EXPECT_EQ(rejection.offset, 13U);
}

// ---------------------------------------------------------------------------------------------
// Bodies that are JSON and not an entry

struct Invalid {
  std::string member;  // put into an entry that is good without it
  std::string field;
  std::string detail;  // a part of the message
};

void PrintTo(const Invalid& each, std::ostream* out) { *out << each.member.substr(0, 60); }

class InvalidFieldTest : public EntryParserTest, public testing::WithParamInterface<Invalid> {};

TEST_P(InvalidFieldTest, IsRefusedByName) {
  const auto& [member, field, detail] = GetParam();
  std::string body;
  for (const auto& [name, good] :
       {std::pair("faculty", R"("agronomy")"), std::pair("discipline", "1")}) {
    if (field != name) body += fmt::format(R"("{}":{},)", name, good);
  }
  body += member;
  const Rejection single = rejected("{" + body + "}", json());
  EXPECT_EQ(single.kind, Rejection::Kind::kInvalid) << single.detail;
  ASSERT_EQ(single.errors.size(), 1U);
  EXPECT_EQ(single.errors[0].field, field);
  EXPECT_THAT(single.errors[0].detail, HasSubstr(detail));
  EXPECT_EQ(single.errors[0].line, 0);
  EXPECT_EQ(single.errors[0].index, -1);
  EXPECT_EQ(single.detail, (field.empty() ? "" : field + ": ") + single.errors[0].detail);

  const std::string good = R"({"faculty":"agronomy","discipline":2})";
  const Rejection array = rejected("[" + good + ",{" + body + "}," + good + "]", json());
  ASSERT_EQ(array.errors.size(), 1U);
  EXPECT_EQ(array.errors[0].field, field);
  EXPECT_EQ(array.errors[0].index, 1);
  const Rejection lines = rejected(good + "\n\n{" + body + "}\n" + good, ndjson());
  ASSERT_EQ(lines.errors.size(), 1U);
  EXPECT_EQ(lines.errors[0].field, field);
  EXPECT_EQ(lines.errors[0].line, 3);
}

std::vector<Invalid> invalid_members() {
  std::vector<Invalid> members = {
      {R"("faculty":"Cocina")", "faculty", "unknown faculty; known are Ingeniería, Agronomía"},
      {R"("faculty":"")", "faculty", "unknown faculty"},
      {R"("faculty":"ingenieria ")", "faculty", "unknown faculty"},
      {"\"faculty\":\"" + std::string(5000, 'x') + "\"", "faculty", "unknown faculty"},
      {R"("faculty":"\u0000")", "faculty", "unknown faculty"},
      {R"("discipline":0)", "discipline", "known are 1 (Natación), 2 (Atletismo), 3 (Boxeo)"},
      {R"("discipline":4)", "discipline", "unknown discipline"},
      {R"("discipline":-1)", "discipline", "unknown discipline"},
      {R"("discipline":-0)", "discipline", "unknown discipline"},
      {R"("discipline":18446744073709551616)", "discipline", "unknown discipline"},
      {R"("discipline":18446744073709551617)", "discipline", "unknown discipline"},
      {R"("discipline":9223372036854775808)", "discipline", "unknown discipline"},
      {R"("discipline":4294967297)", "discipline", "unknown discipline"},
      {R"("discipline":257)", "discipline", "unknown discipline"},
      {"\"discipline\":1" + std::string(1000, '0'), "discipline", "unknown discipline"},
      {R"("discipline":1.5)", "discipline", "a number that is not whole"},
      {R"("discipline":1.0)", "discipline", "a number that is not whole"},
      {R"("discipline":1e0)", "discipline", "a number that is not whole"},
      {R"("discipline":1e400)", "discipline", "a number that is not whole"},
      {R"("discipline":"1")", "discipline", "expected a whole number, got a text"},
      {R"("discipline":true)", "discipline", "got true"},
      {R"("discipline":false)", "discipline", "got false"},
      {R"("discipline":null)", "discipline", "got null"},
      {R"("discipline":[1])", "discipline", "got an array"},
      {R"("discipline":{"id":1})", "discipline", "got an object"},
      {R"("student":1)", "student", "expected a text, got a whole number"},
      {R"("student":null)", "student", "expected a text, got null"},
      {R"("student":["Ana"])", "student", "got an array"},
      {R"("student":"a\u0000b")", "student", "NUL"},
      {"\"student\":\"" + std::string(201, 'x') + "\"", "student", "at most 200 bytes, got 201"},
      {R"("age":151)", "age", "whole number from 0 to 150"},
      {R"("age":-1)", "age", "whole number from 0 to 150"},
      {R"("age":65556)", "age", "whole number from 0 to 150"},  // 20 in sixteen bits
      {R"("age":20.5)", "age", "whole number from 0 to 150"},
      {R"("age":"20")", "age", "whole number from 0 to 150"},
      {R"("age":null)", "age", "whole number from 0 to 150"},
      {R"("age":1e400)", "age", "whole number from 0 to 150"},
      {R"("id":"")", "id", "expected a UUID"},
      {R"("id":"3f2504e0-4f89-41d3-9a0c-0305e82c330")", "id", "expected a UUID"},
      {R"("id":"3f2504e0-4f89-41d3-9a0c-0305e82c33012")", "id", "expected a UUID"},
      {R"("id":"3f2504e04f8941d39a0c0305e82c3301")", "id", "expected a UUID"},
      {R"("id":"{3f2504e0-4f89-41d3-9a0c-0305e82c3301}")", "id", "expected a UUID"},
      {R"("id":"3f2504e0-4f89-41d3-9a0c-0305e82c330g")", "id", "expected a UUID"},
      {R"("id":"3f2504e0_4f89_41d3_9a0c_0305e82c3301")", "id", "expected a UUID"},
      {R"("id":7)", "id", "expected a UUID"},
      {R"("id":null)", "id", "expected a UUID"},
      {R"("Faculty":"x")", "Faculty", "unknown field"},
      {R"("":1)", "", "unknown field"},
      {R"("age\u0000":1)", std::string("age\0", 4), "unknown field"},
      {R"("estudiante":"Ana")", "estudiante", "faculty, discipline, student, age and id"},
      {R"("note":{"a":[1,{"b":null}],"c":"\u00e9"})", "note", "unknown field"},
  };
  // The greatest allowed depth: a member's value may have 31 levels.
  members.push_back({"\"note\":" + std::string(31, '[') + std::string(31, ']'), "note", "unknown"});
  return members;
}

INSTANTIATE_TEST_SUITE_P(All, InvalidFieldTest, testing::ValuesIn(invalid_members()));

TEST_F(EntryParserTest, AFieldThatIsMissingIsNamed) {
  const Rejection both = rejected("{}", json());
  EXPECT_EQ(both.kind, Rejection::Kind::kInvalid);
  ASSERT_EQ(both.errors.size(), 2U);
  EXPECT_EQ(both.errors[0].field, "faculty");
  EXPECT_EQ(both.errors[1].field, "discipline");
  EXPECT_EQ(both.errors[1].detail, "is missing");
}

TEST_F(EntryParserTest, AnythingButAnObjectIsNoEntry) {
  for (const auto& [body, got] :
       {std::pair("1", "a whole number"), std::pair("1.5", "not whole"),
        std::pair("\"a\"", "a text"), std::pair("true", "true"), std::pair("null", "null")}) {
    const Rejection rejection = rejected(body, json());
    EXPECT_EQ(rejection.kind, Rejection::Kind::kInvalid);
    ASSERT_EQ(rejection.errors.size(), 1U);
    EXPECT_EQ(rejection.errors[0].field, "");
    EXPECT_THAT(rejection.errors[0].detail, HasSubstr(got));
    const Rejection nested = rejected(fmt::format("[{}]", body), json());
    ASSERT_EQ(nested.errors.size(), 1U);
    EXPECT_EQ(nested.errors[0].index, 0);
  }
  EXPECT_THAT(rejected("[[]]", json()).errors[0].detail, HasSubstr("an array"));
}

TEST_F(EntryParserTest, ABodyWithoutEntriesIsRefused) {
  for (const auto& [body, options] : {std::pair("[]", json()), std::pair(" [ ] ", json()),
                                      std::pair("", ndjson()), std::pair("\n \r\n", ndjson())}) {
    const Rejection rejection = rejected(body, options);
    EXPECT_EQ(rejection.kind, Rejection::Kind::kInvalid);
    EXPECT_THAT(rejection.detail, HasSubstr("at least one entry"));
  }
}

TEST_F(EntryParserTest, AnIdMayComeTwiceInARequestOnlyWithTheSameContent) {
  const auto entry = [](std::string_view id, int discipline, std::string_view more = "") {
    return fmt::format(R"({{"faculty":"agronomy","discipline":{},"id":"{}"{}}})", discipline, id,
                       more);
  };
  const std::string first = entry(kId4, 1, R"(,"student":"Ana")");
  const std::string other = "00000000-0000-4000-8000-000000000001";
  EXPECT_TRUE(parse(fmt::format("[{0},{1},{0}]", first, entry(other, 2)), json()));

  const std::string differs = entry(kId4, 1, R"(,"student":"Eva")");
  const Rejection array =
      rejected(fmt::format("[{},{},{},{}]", entry(other, 2), first, first, differs), json());
  EXPECT_EQ(array.kind, Rejection::Kind::kInvalid);
  ASSERT_EQ(array.errors.size(), 1U);
  EXPECT_EQ(array.errors[0].field, "id");
  EXPECT_EQ(array.errors[0].index, 3);
  EXPECT_THAT(array.errors[0].detail, HasSubstr("entry 2 of this request"));
  EXPECT_THAT(array.errors[0].detail, HasSubstr("student differs"));

  const Rejection lines = rejected(fmt::format("{}\n\n  \n{}\n", first, differs), ndjson());
  ASSERT_EQ(lines.errors.size(), 1U);
  EXPECT_EQ(lines.errors[0].line, 4);
}

TEST_F(EntryParserTest, AtMostThirtyTwoErrorsAreListed) {
  std::string body = "[";
  for (int i = 0; i < 100; ++i) body += std::string(i == 0 ? "" : ",") + "{}";
  const Rejection rejection = rejected(body + "]", json());
  ASSERT_EQ(rejection.errors.size(), Rejection::kErrorsMax);
  EXPECT_EQ(rejection.errors[31].index, 15);
}

TEST_F(EntryParserTest, MalformedJsonIsReportedInsteadOfWrongFieldsBeforeIt) {
  const Rejection rejection = rejected(R"([{"age":"old"},{"age":1,}])", json());
  EXPECT_EQ(rejection.kind, Rejection::Kind::kMalformed);
  EXPECT_EQ(rejection.offset, 24U);
}

TEST_F(EntryParserTest, ALongUnknownKeyIsCutBetweenCharacters) {
  for (std::size_t size = 58; size < 68; ++size) {
    for (const char* tail : {"éééé", "€€€", "😀😀"}) {
      const Rejection rejection = rejected(
          "{\"" + std::string(size, 'k') + tail + "\":1,\"faculty\":\"agronomy\",\"discipline\":1}",
          json());
      ASSERT_EQ(rejection.errors.size(), 1U);
      const std::string& field = rejection.errors[0].field;
      EXPECT_LE(field.size(), 68U);
      EXPECT_TRUE(simdjson::validate_utf8(field)) << size << " letters and " << tail;
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Against Boost.JSON

namespace json = boost::json;

// The other parser's view of a body: not JSON, JSON, or a case in which both rightly differ.
enum class Oracle { kMalformed, kJson, kUnlike };

struct Seen {
  Oracle verdict = Oracle::kMalformed;
  json::value value;
};

Seen look(std::string_view body) {
  json::parse_options options;
  options.max_depth = 30;  // stays below our own bound
  boost::system::error_code error;
  Seen seen;
  seen.value = json::parse(body, error, {}, options);
  if (!error) seen.verdict = Oracle::kJson;
  // Our parser alone judges depth and too large numbers.
  if (error == json::error::too_deep || error == json::error::exponent_overflow) {
    seen.verdict = Oracle::kUnlike;
  }
  return seen;
}

// Returns whether `value` is an entry of the default contest by the documented rules.
bool is_entry(const json::value& value, const Contest& contest) {
  if (!value.is_object()) return false;
  bool has_faculty = false;
  bool has_discipline = false;
  for (const auto& [key, member] : value.as_object()) {
    if (key == "faculty") {
      has_faculty =
          member.is_string() && contest.find_faculty(std::string_view(member.as_string()));
      if (!has_faculty) return false;
    } else if (key == "discipline") {
      has_discipline = member.is_int64() && member.as_int64() >= 1 && member.as_int64() <= 3;
      if (!has_discipline) return false;
    } else if (key == "student") {
      if (!member.is_string() || member.as_string().size() > 200 ||
          member.as_string().find('\0') != std::string_view::npos) {
        return false;
      }
    } else if (key == "age") {
      if (!member.is_int64() || member.as_int64() < 0 || member.as_int64() > 150) return false;
    } else if (key == "id") {
      if (!member.is_string() || !base::Uuid::parse(std::string_view(member.as_string()))) {
        return false;
      }
    } else {
      return false;
    }
  }
  return has_faculty && has_discipline;
}

bool are_entries(const json::value& value, const Contest& contest) {
  if (!value.is_array()) return is_entry(value, contest);
  const auto& array = value.as_array();
  return !array.empty() && std::ranges::all_of(array, [&](const json::value& each) {
    return is_entry(each, contest);
  });
}

class AgainstBoostTest : public EntryParserTest {
 protected:
  // Compares our result for `body` with Boost's.
  void compare(const std::string& body) {
    const Seen seen = look(body);
    if (seen.verdict == Oracle::kUnlike) return;
    const auto parsed = parse(body, EntryParserTest::json());
    if (parsed) {
      ASSERT_EQ(seen.verdict, Oracle::kJson) << body;
      ASSERT_TRUE(are_entries(seen.value, contest_)) << body;
      ASSERT_EQ(parsed->is_single, seen.value.is_object());
      ++taken_;
      std::size_t i = 2;
      if (seen.value.is_object()) return same(batch_.entries[i], seen.value.as_object(), body);
      for (const json::value& each : seen.value.as_array()) {
        same(batch_.entries[i++], each.as_object(), body);
      }
    } else if (parsed.error().kind == Rejection::Kind::kMalformed) {
      ASSERT_LE(parsed.error().offset, body.size());
      // Boost takes the last of two equal keys.
      if (parsed.error().detail.ends_with("the key occurs twice")) return;
      ASSERT_EQ(seen.verdict, Oracle::kMalformed) << body << "\n" << parsed.error().detail;
    } else {
      ASSERT_EQ(seen.verdict, Oracle::kJson) << body;
      ASSERT_FALSE(are_entries(seen.value, contest_)) << body << "\n" << parsed.error().detail;
    }
  }
  void same(const Entry& entry, const json::object& object, const std::string& body) {
    ASSERT_EQ(contest_.find_faculty(std::string_view(object.at("faculty").as_string())),
              entry.faculty)
        << body;
    ASSERT_EQ(object.at("discipline").as_int64(), entry.discipline + 1) << body;
    const json::value* student = object.if_contains("student");
    ASSERT_EQ(entry.has_student, student != nullptr) << body;
    if (student != nullptr) {
      ASSERT_EQ(std::string_view(student->as_string()), batch_.student(entry)) << body;
    }
    const json::value* age = object.if_contains("age");
    ASSERT_EQ(age == nullptr ? Entry::kNoAge : age->as_int64(), entry.age) << body;
    const json::value* id = object.if_contains("id");
    ASSERT_EQ(entry.is_id_given, id != nullptr) << body;
    if (id != nullptr) {
      ASSERT_EQ(base::Uuid::parse(std::string_view(id->as_string())), entry.id) << body;
    }
  }

  int taken_ = 0;
};

TEST_F(AgainstBoostTest, MutatedBodiesAreTakenAndRefusedAlike) {
  std::mt19937_64 random(test::drawn_seed());
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  const std::vector<std::string> bodies = {
      R"({"faculty":"Ingeniería","discipline":1})",
      fmt::format(
          R"({{"faculty":"agronomy","discipline":3,"student":"Zo\u00eb \ud83d\ude00 \"x\"",)"
          R"("age":20,"id":"{}"}})",
          kId4),
      R"([{"faculty":"engineering","discipline":2,"age":150},{"discipline":1,"faculty":"AGRONOMIA"}])",
      R"({"faculty":"agronomy","discipline":1,"student":{"a":[1,2.5e-3,{"b":[]}],"c":null}})",
  };
  const std::vector<std::string> pieces = {"{",         "}",    "[",
                                           "]",         ",",    ":",
                                           "\"",        "\\",   "\\u",
                                           "\\ud83d",   "0",    "-",
                                           ".",         "e",    "1e9",
                                           "true",      "null", "\xC3",
                                           "\xAD",      "\xFF", std::string(1, '\0'),
                                           "\n",        " ",    "\"age\":3",
                                           ",\"age\":", "150",  "\"discipline\":2",
                                           "é",         "/",    "\x7f",
                                           "faculty",   "00"};
  for (int i = 0; i < 100'000; ++i) {
    std::string body = bodies[below(bodies.size())];
    for (std::size_t mutations = below(4); mutations > 0; --mutations) {
      const std::size_t at = below(body.size() + 1);
      switch (below(5)) {
        case 0: body.insert(at, pieces[below(pieces.size())]); break;
        case 1: body.erase(at, 1 + below(3)); break;
        case 2: body.resize(at); break;
        case 3:
          if (at < body.size()) body[at] = static_cast<char>(random());
          break;
        default: body.insert(at, body.substr(below(body.size() + 1), below(12))); break;
      }
    }
    compare(body);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(taken_, 100) << "the mutations leave nothing to take";
}

}  // namespace
}  // namespace estadio
