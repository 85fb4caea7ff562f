#include "estadio/score/score_encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace estadio {
namespace {

TEST(ScoreEncodingTest, ANumberIsDigitsWithoutLeadingZeros) {
  EXPECT_EQ(number_of("0"), 0);
  EXPECT_EQ(number_of("10"), 10);
  EXPECT_EQ(number_of("9223372036854775807"), INT64_MAX);
  for (const char* text :
       {"", "-1", "-0", "+1", "01", "00", " 1", "1 ", "1x", "0x1", "1.5", "9223372036854775808"}) {
    EXPECT_FALSE(number_of(text)) << text;
  }
  EXPECT_FALSE(number_of(std::string_view("1\0", 2)));
}

TEST(ScoreEncodingTest, ANumberIsNotAboveItsBound) {
  EXPECT_EQ(number_of("7", 7), 7);
  EXPECT_FALSE(number_of("8", 7));
}

TEST(ScoreEncodingTest, APartitionComesBackFromItsName) {
  for (const PartitionId partition : {PartitionId{.topic = Outcome::kWinner, .number = 0},
                                      PartitionId{.topic = Outcome::kLoser, .number = 255},
                                      PartitionId{.topic = Outcome::kLoser, .number = INT32_MAX}}) {
    EXPECT_EQ(partition_of(name_of(partition)), partition) << name_of(partition);
  }
  EXPECT_EQ(name_of({.topic = Outcome::kWinner, .number = 3}), "winners/3");
  for (const char* name : {"", "winners", "winners/", "winner/0", "draws/0", "winners/-1",
                           "winners/01", "winners/0/1", "winners 0", "winners/2147483648"}) {
    EXPECT_FALSE(partition_of(name)) << name;
  }
}

TEST(ScoreEncodingTest, AStateComesBackFromItsText) {
  const PartitionState state{
      .incarnation = base::Uuid::parse("01a2091b-b90a-8001-8e5d-9379d5353ea9").value(),
      .next_offset = 40,
      .chain = {.before_last = 0xC0FFEE, .all = UINT64_MAX}};
  PartitionState ended = state;
  ended.end_mark = 39;
  const std::string text =
      "01a2091b-b90a-8001-8e5d-9379d5353ea9 40 0000000000c0ffee ffffffffffffffff";
  EXPECT_EQ(text_of(state), text);
  EXPECT_EQ(state_of(text), state);
  EXPECT_EQ(text_of(ended), text + " 39");
  EXPECT_EQ(state_of(text + " 39"), ended);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(state_of(text.substr(0, size)));
  for (const std::string& other :
       {text + " ", text + " 40", text + " 01", text + " 1 ", text + " 1 1", " " + text,
        "X" + text.substr(1), text.substr(0, 36) + " -4" + text.substr(39),
        text.substr(0, 36) + " 040" + text.substr(39), text.substr(0, 72) + "F"}) {
    EXPECT_FALSE(state_of(other)) << other;
  }
}

}  // namespace
}  // namespace estadio
