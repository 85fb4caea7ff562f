#include "vigia/app/usage_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace vigia {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrintableTest, TextIsUnchangedAndCutByCharacters) {
  EXPECT_EQ(printable("sleep 60", 80), "sleep 60");
  EXPECT_EQ(printable("Ingeniería €𝄞", 80), "Ingeniería €𝄞");
  EXPECT_EQ(printable("ñandú", 2), "ña");
  EXPECT_EQ(printable("", 80), "");
}

TEST(PrintableTest, NothingReachesTheTerminalThatMovesIt) {
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

TEST(UsageTableTest, ShowsTheHostTheProcessesAndTheContainers) {
  Sample sample;
  sample.source = "proc";
  sample.cpus.resize(2);
  sample.memory.total_bytes = std::int64_t{2} << 30;
  Process process;
  process.pid = 42;
  process.name = "evil\x1b[2J";
  process.command = "evil --now";
  process.cgroup = "/docker/" + std::string(64, 'a');
  process.user_ns = 1'500'000'000;
  process.rss_anon_bytes = 3 << 20;
  sample.processes = {process};
  const Usage usage = usage_of(std::move(sample));
  const std::array<std::size_t, 1> places = {0};
  const std::string table = to_table(usage, places);
  for (const char* part : {"1 processes", "2048.0", "42", "evil?[2J", "1.50", "3.0", "aaaaaaaaaaaa",
                           "docker", "evil --now"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_table(usage, {}), Not(HasSubstr("evil")));
}

TEST(UsageTableTest, OfAContainerItShowsWhatIsKnown) {
  Sample sample;
  Process process;
  process.cgroup = "/docker/" + std::string(64, 'a');
  sample.processes = {process};
  Usage usage = usage_of(std::move(sample));
  ContainerUsage& container = usage.containers.front();
  container.throttled_percent = 12.5;
  container.cgroup.working_set_bytes = 5 << 20;
  container.cgroup.unreclaimable_bytes = 7 << 20;
  container.cgroup.oom_kills = 34;
  const std::string table = to_table(usage, {});
  for (const char* part : {" 12.5 ", " 5.0 ", " 7.0 ", "  -  ", " 34\n"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

}  // namespace
}  // namespace vigia
