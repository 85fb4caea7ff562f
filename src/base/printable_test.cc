// What foreign texts may do to a terminal: nothing.
#include "base/printable.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace base {
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

// Every character of the table in printable.h but C0, with its escape.
struct Steering {
  std::string text;
  std::string escape;
};
std::vector<Steering> steering_characters() {
  std::vector<Steering> all = {{"\x7f", "\\u007f"},   {"\u061C", "\\u061c"}, {"\u200E", "\\u200e"},
                               {"\u200F", "\\u200f"}, {"\u2028", "\\u2028"}, {"\u2029", "\\u2029"},
                               {"\u202A", "\\u202a"}, {"\u202B", "\\u202b"}, {"\u202C", "\\u202c"},
                               {"\u202D", "\\u202d"}, {"\u202E", "\\u202e"}, {"\u2066", "\\u2066"},
                               {"\u2067", "\\u2067"}, {"\u2068", "\\u2068"}, {"\u2069", "\\u2069"}};
  for (int code = 0x80; code <= 0x9F; ++code) {
    all.push_back({std::string("\xC2") + static_cast<char>(code), fmt::format("\\u{:04x}", code)});
  }
  return all;
}

TEST(PrintableTest, EveryCharacterThatSteersATerminalIsReplacedOrEscaped) {
  for (const Steering& each : steering_characters()) {
    EXPECT_EQ(printable("a" + each.text + "b"), "a?b") << each.escape;
    EXPECT_EQ(escape_for_terminal("a" + each.text + "b"), "a" + each.escape + "b");
  }
  for (char c = 0; c < 0x20; ++c) EXPECT_EQ(printable(std::string(1, c)), "?") << int{c};
}

TEST(PrintableTest, TheirNeighboursStay) {
  const std::string text = "~\u00A0\u061B\u061D\u200D\u2010\u2027\u202F\u2065\u206A€𝄞";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(escape_for_terminal(text), text);
}

TEST(PrintableTest, JsonIsEscapedOnATerminalAlone) {
  const std::string json = "{\"name\":\"a\u202Eb\xC2\x9B\"}\n";
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  EXPECT_EQ(json_for(to.get(), json), json);
  const UniqueFd screen(::posix_openpt(O_RDWR | O_NOCTTY));
  if (!screen || ::grantpt(screen.get()) != 0 || ::unlockpt(screen.get()) != 0) {
    GTEST_SKIP() << "NOT TESTED: there is no terminal";
  }
  const UniqueFd terminal(::open(::ptsname(screen.get()), O_RDWR | O_NOCTTY));
  EXPECT_EQ(json_for(terminal.get(), json), "{\"name\":\"a\\u202eb\\u009b\"}\n");
}

}  // namespace
}  // namespace base
