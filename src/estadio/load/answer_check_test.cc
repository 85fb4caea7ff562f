#include "estadio/load/answer_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace estadio::load {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kId = "01934f5a-7c00-7abc-8def-0123456789ab";
constexpr std::string_view kOther = "01934f5a-7c00-7abc-8def-0123456789ac";

class AnswerCheckTest : public testing::Test {
 protected:
  // Returns the difference; "fits" when there is none.
  std::string check(std::int64_t batch, const std::string& body, const SentEntries& sent,
                    ForeignBody foreign = ForeignBody::kIsWrong) {
    AnswerCheck check(batch, foreign, seen_);
    return check.difference(reader_.read_answer(body), body, sent).value_or("fits");
  }
  static SentEntries with_id(std::string_view id) {
    return {.id_source = SentEntries::IdSource::kClient, .ids = std::string(id), .entries = {0}};
  }
  static SentEntries without_id() {
    return {.id_source = SentEntries::IdSource::kServer, .ids = {}, .entries = {0}};
  }
  static std::string answer(std::string_view id) {
    return R"({"id":")" + std::string(id) + R"(","outcome":"winner"})";
  }

  JsonReader reader_;
  AnsweredIds seen_;
};

TEST_F(AnswerCheckTest, TheIdIsTheOneThatWasSent) {
  EXPECT_EQ(check(1, answer(kId), with_id(kId)), "fits");
  EXPECT_EQ(check(1, answer(kId), with_id(kId)), "fits") << "sent again";
  EXPECT_EQ(check(1, answer(kId), with_id("01934F5A-7C00-7ABC-8DEF-0123456789AB")), "fits");
  EXPECT_EQ(check(1, answer(kOther), with_id(kId)),
            "id 01934f5a-7c00-7abc-8def-0123456789ac, expected "
            "01934f5a-7c00-7abc-8def-0123456789ab, the id that was sent");
}

TEST_F(AnswerCheckTest, AServerGivesAnIdOnce) {
  EXPECT_EQ(check(1, answer(kId), without_id()), "fits");
  EXPECT_EQ(check(1, answer(kOther), without_id()), "fits");
  EXPECT_EQ(check(1, answer(kId), without_id()),
            "id 01934f5a-7c00-7abc-8def-0123456789ab to a second entry, expected an id of its own");
}

TEST_F(AnswerCheckTest, AnIdThatIsNotKnownIsNotCompared) {
  SentEntries sent = without_id();
  sent.id_source = SentEntries::IdSource::kUnknown;
  EXPECT_EQ(check(1, answer(kId), sent), "fits");
  EXPECT_EQ(check(1, answer(kId), sent), "fits");
}

TEST_F(AnswerCheckTest, ABatchIsAcceptedWhole) {
  EXPECT_EQ(check(3, R"({"accepted":3,"winners":1,"losers":2,"repeated":3})", {}), "fits");
  EXPECT_EQ(check(3, R"({"accepted":3})", {}), "fits");
  EXPECT_EQ(check(3, R"({"accepted":0,"winners":0,"losers":0,"repeated":0})", {}),
            "accepted 0, expected 3, the number of entries that were sent");
  EXPECT_THAT(check(3, R"({"accepted":4})", {}), HasSubstr("accepted 4, expected 3"));
  EXPECT_EQ(check(3, R"({"accepted":3,"winners":1,"losers":1})", {}),
            "winners 1 and losers 1, expected 3 together");
  EXPECT_THAT(check(3, R"({"accepted":3,"winners":4,"losers":18446744073709551615})", {}),
              HasSubstr("expected 3 together"));
  EXPECT_EQ(check(3, R"({"accepted":3,"repeated":4})", {}), "repeated 4, expected at most 3");
}

TEST_F(AnswerCheckTest, AnAnswerOfTheOtherKindDoesNotFit) {
  EXPECT_THAT(check(3, answer(kId), {}), AllOf(HasSubstr(kId), HasSubstr(R"({"accepted":3)")));
  EXPECT_THAT(check(1, R"({"accepted":0})", without_id()), HasSubstr("accepted 0, expected 1"));
  EXPECT_THAT(check(1, R"({"accepted":1})", without_id()), HasSubstr(R"(expected {"id":"UUID")"));
  EXPECT_EQ(check(1, R"({"accepted":1})", without_id(), ForeignBody::kFits), "fits");
}

TEST_F(AnswerCheckTest, AMalformedAnswerNeverFits) {
  for (const ForeignBody foreign : {ForeignBody::kFits, ForeignBody::kIsWrong}) {
    EXPECT_THAT(check(1, R"({"id":7})", without_id(), foreign), HasSubstr(R"('{"id":7}')"));
    EXPECT_THAT(check(2, R"({"accepted":"2"})", {}, foreign), HasSubstr("expected"));
  }
}

TEST_F(AnswerCheckTest, ABodyThatIsNoAnswerFitsWhenNoAcksAreWritten) {
  for (const char* body : {"", "{}", "ok", "\x1b[2J"}) {
    EXPECT_EQ(check(1, body, without_id(), ForeignBody::kFits), "fits");
    EXPECT_THAT(check(1, body, without_id()), HasSubstr("expected"));
  }
}

TEST_F(AnswerCheckTest, AForeignBodyIsShownShortAndWithoutControls) {
  const std::string said = check(1, "\x1b[2J" + std::string(10'000, 'x'), without_id());
  EXPECT_LT(said.size(), 300U);
  EXPECT_THAT(said, HasSubstr("'?[2Jxxx"));
}

}  // namespace
}  // namespace estadio::load
