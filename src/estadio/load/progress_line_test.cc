#include "estadio/load/progress_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "base/unique_fd.h"
#include "estadio/contest/test_world.h"

namespace estadio::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

using test::HandClock;

base::Histogram histogram_of(milliseconds latency) {
  base::Histogram histogram;
  histogram.record(latency);
  return histogram;
}

TEST(ProgressLineTest, WithoutATerminalItIsALineOfTheLogEveryFiveSeconds) {
  HandClock clock;
  test::CapturedLog log;
  ProgressLine line({.duration = seconds(60), .fd = -1}, clock, log.logger());
  EXPECT_EQ(line.interval(), seconds(5));
  clock.now += seconds(5);
  line.show({.sent = 60, .accepted_entries = 50, .errors = 2}, histogram_of(milliseconds(7)));
  EXPECT_THAT(log.text(), HasSubstr("elapsed_s=5  rate=10  accepted=50  errors=2  retries=0"));
  EXPECT_THAT(log.text(), HasSubstr("p99_ms=7"));
  // The rate covers the time since the last line.
  clock.now += seconds(5);
  line.show({.sent = 160, .accepted_entries = 150}, histogram_of(milliseconds(7)));
  EXPECT_THAT(log.text(), HasSubstr("elapsed_s=10  rate=20  accepted=150"));
}

TEST(ProgressLineTest, OnATerminalItIsWrittenAnewEachSecondAndCleared) {
  const base::UniqueFd screen(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
  if (!screen || ::grantpt(screen.get()) != 0 || ::unlockpt(screen.get()) != 0) {
    GTEST_SKIP() << "needs a pseudo-terminal";
  }
  const base::UniqueFd terminal(::open(::ptsname(screen.get()), O_RDWR | O_NOCTTY));
  if (!terminal) GTEST_SKIP() << "needs a pseudo-terminal";
  const auto shown = [&screen] {
    std::string text(4096, '\0');
    const ssize_t size = ::read(screen.get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  };

  HandClock clock;
  test::CapturedLog log;
  {
    ProgressLine line({.duration = seconds(10), .fd = terminal.get()}, clock, log.logger());
    EXPECT_EQ(line.interval(), seconds(1));
    clock.now += seconds(2);
    line.show({.sent = 20'002, .accepted_entries = 20'000, .waiting = 1'500},
              histogram_of(milliseconds(7)));
    const std::string text = shown();
    EXPECT_THAT(text, testing::StartsWith("\r\x1b[K"));
    EXPECT_THAT(text, HasSubstr("2 s of 10s  10,000/s  p99 7 ms  accepted 20,000  errors 0  "
                                "waiting 1,500"));
    EXPECT_THAT(text, Not(HasSubstr("retries")));
  }
  EXPECT_EQ(shown(), "\r\x1b[K");
  EXPECT_EQ(log.text(), "");
}

}  // namespace
}  // namespace estadio::load
