// Log lines: JSON is valid for any bytes, no field can forge text, and lines stay whole when
// threads write together.
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace base {
namespace {

class FixedClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return 1'795'446'245'678; }
  [[nodiscard]] Nanos mono() const override { return Nanos(0); }
};

class LogTest : public testing::Test {
 protected:
  // Returns the text that `write` logs.
  template <class Write>
  std::string logged(LogFormat format, Write write, LogLevel level = LogLevel::kDebug) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    const int fd = ::fileno(file.get());
    Logger log(clock_, {.level = level, .format = format, .fd = fd});
    write(log);
    EXPECT_TRUE(log.flush());
    std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  std::string field_as_text(std::string_view value) {
    return logged(LogFormat::kText, [&](Logger& log) { log.info("m", {{"key", value}}); });
  }

  FixedClock clock_;
};

TEST_F(LogTest, ATextLineIsForPeople) {
  EXPECT_EQ(logged(LogFormat::kText,
                   [](Logger& log) {
                     log.info("serving", {{"address", "127.0.0.1:8080"}, {"threads", 2}});
                   }),
            "15:04:05.678 info    serving  address=127.0.0.1:8080  threads=2\n");
}

TEST_F(LogTest, AJsonLineIsForMachines) {
  EXPECT_EQ(logged(LogFormat::kJson,
                   [](Logger& log) {
                     log.error("away",
                               {{"error", Error(Code::kUnavailable, "no route")}, {"after", 1.5}});
                   }),
            "{\"time\":\"2026-11-23T15:04:05.678Z\",\"level\":\"error\",\"message\":\"away\","
            "\"error\":\"no route\",\"after\":1.5}\n");
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  const auto all = [](Logger& log) {
    log.debug("d");
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  EXPECT_EQ(logged(LogFormat::kText, all, LogLevel::kWarning),
            "15:04:05.678 warning w\n15:04:05.678 error   e\n");
  EXPECT_EQ(logged(LogFormat::kText, all, LogLevel::kDebug).substr(0, 23),
            "15:04:05.678 debug   d\n");
}

TEST_F(LogTest, AFieldThatIsNotPlainIsQuoted) {
  EXPECT_TRUE(field_as_text("plain/value:1").ends_with("  key=plain/value:1\n"));
  EXPECT_TRUE(field_as_text("").ends_with("  key=\"\"\n"));
  EXPECT_TRUE(field_as_text("two words").ends_with("  key=\"two words\"\n"));
  EXPECT_TRUE(field_as_text("a=b").ends_with("  key=\"a=b\"\n"));
  EXPECT_TRUE(field_as_text("say \"no\"").ends_with("  key=\"say \\\"no\\\"\"\n"));
}

TEST_F(LogTest, AFieldCannotForgeALineOrDriveATerminal) {
  for (const std::string_view value :
       {"x\n15:04:05.678 info forged", "x\r15:04:05.678 info forged", "\x1b[2Jgone"}) {
    const std::string line = field_as_text(value);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    for (const char c : line.substr(0, line.size() - 1))
      EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
  }
}

TEST_F(LogTest, NoCharacterOfTheTerminalOrOfBidirectionalTextIsWrittenAsItIs) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = logged(format, [](Logger& log) {
      log.info("m\u202E", {{"key", "a\u2066"}, {"other", "b\xC2\x9B"}});
    });
    for (const char* escape : {"m\\u202e", "a\\u2066", "b\\u009b"}) {
      EXPECT_NE(line.find(escape), std::string::npos) << line;
    }
    EXPECT_EQ(line.find("\xE2"), std::string::npos) << line;
    EXPECT_EQ(line.find("\xC2"), std::string::npos) << line;
  }
}

TEST_F(LogTest, AMessageCannotForgeALine) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line =
        logged(format, [](Logger& log) { log.info("m\n15:04:05.678 info    forged"); });
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  }
}

TEST_F(LogTest, AnyBytesGiveOneLineOfJson) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string line =
        logged(LogFormat::kJson, [&](Logger& log) { log.info(bytes, {{"value", bytes}}); });
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    boost::json::error_code error;
    const auto value = boost::json::parse(line, error);
    ASSERT_FALSE(error) << line;
    ASSERT_EQ(value.at("message"), value.at("value"));
  }
}

TEST_F(LogTest, ANumberThatIsNotFiniteDoesNotBreakTheJson) {
  for (const double number : std::initializer_list<double>{NAN, INFINITY, -INFINITY, 1e300, -0.0}) {
    const std::string line =
        logged(LogFormat::kJson, [&](Logger& log) { log.info("m", {{"value", number}}); });
    boost::json::error_code error;
    static_cast<void>(boost::json::parse(line, error));
    EXPECT_FALSE(error) << line;
  }
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  const std::string text = logged(LogFormat::kJson, [&](Logger& log) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kEach; ++i)
          log.info("line", {{"thread", t}, {"padding", std::string(200, 'x')}});
      });
    }
  });
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    boost::json::error_code error;
    static_cast<void>(boost::json::parse(line, error));
    ASSERT_FALSE(error) << line;
  }
  EXPECT_EQ(count, kThreads * kEach);
}

TEST_F(LogTest, OneLineTellsHowManyLinesWereDropped) {
  const auto oversized = [](Logger& log) {
    log.info(std::string(LineWriter::kQueueBytes, 'x'));
    log.info(std::string(LineWriter::kQueueBytes, 'x'));
    log.info("m");
    EXPECT_EQ(log.lost_lines(), 2U);
  };
  EXPECT_EQ(logged(LogFormat::kText, oversized),
            "15:04:05.678 info    m\n15:04:05.678 warning 2 log lines were dropped\n");
  EXPECT_TRUE(logged(LogFormat::kJson, oversized)
                  .ends_with("\"level\":\"warning\",\"message\":\"2 log lines were dropped\"}\n"));
}

}  // namespace
}  // namespace base
