#include "vigia/app/printable.h"

#include <gtest/gtest.h>

namespace vigia {
namespace {

TEST(PrintableTest, TextIsUnchangedAndCutByCharacters) {
  EXPECT_EQ(printable("sleep 60", 80), "sleep 60");
  EXPECT_EQ(printable("Ingeniería €𝄞", 80), "Ingeniería €𝄞");
  EXPECT_EQ(printable("ñandú", 2), "ña");
  EXPECT_EQ(printable("", 80), "");
}

TEST(PrintableTest, CharactersThatMoveTheCursorAreReplaced) {
  EXPECT_EQ(printable("a\x1b[2J\n\t\r\x7f", 80), "a?[2J????");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J",
                      80),
            "?2J");  // U+009B begins a sequence too
  EXPECT_EQ(printable("\xff\xc3", 80), "??");
  EXPECT_EQ(printable("\xed", 80), "?");
  EXPECT_EQ(printable("a\u202Eb\u2066c\u2028", 80), "a?b?c?");
  // Sequences that are too long, of halves of pairs, and beyond the last character.
  EXPECT_EQ(printable("\xe0\x82\x9b", 80), "???");
  EXPECT_EQ(printable("\xed\xa0\x80", 80), "???");
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 80), "????");
}

}  // namespace
}  // namespace vigia
