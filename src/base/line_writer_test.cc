// A writer of lines: callers never wait, lines leave whole and in order, lost lines are counted and
// told, and its end takes no longer than its patience.
#include "base/line_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <cstdint>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace base {
namespace {

using testing::EndsWith;
using testing::StartsWith;

constexpr std::chrono::nanoseconds kLong = std::chrono::seconds(60);
constexpr std::chrono::nanoseconds kShort = std::chrono::milliseconds(1);

std::string lost(std::uint64_t count) { return std::to_string(count) + " lost\n"; }

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }

  // Fills the pipe, so that the next byte waits for a reader. Returns the bytes.
  std::size_t fill() const {
    ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
    std::size_t filled = 0;
    for (const std::string byte(4096, '\n');;) {
      const auto count = ::write(writer.get(), byte.data(), byte.size());
      if (count < 0) break;
      filled += static_cast<std::size_t>(count);
    }
    ::fcntl(writer.get(), F_SETFL, 0);
    return filled;
  }

  // Reads `count` bytes.
  [[nodiscard]] std::string read(std::size_t count) const {
    std::string text(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      const auto more = ::read(reader.get(), text.data() + got, count - got);
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    text.resize(got);
    return text;
  }

  // Reads all until the writing end is closed.
  [[nodiscard]] std::string read_all() const { return read(std::size_t{4} << 20); }

  UniqueFd reader;
  UniqueFd writer;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(LineWriterTest, WritesTheLastLinesBeforeItEnds) {
  Pipe pipe;
  {
    LineWriter writer(pipe.writer.get(), lost, kLong);
    for (int i = 0; i < 100; ++i) writer.write(std::to_string(i) + '\n');
  }
  pipe.writer.reset();
  const auto lines = lines_of(pipe.read_all());
  ASSERT_EQ(lines.size(), 100U);
  EXPECT_EQ(lines.front(), "0");
  EXPECT_EQ(lines.back(), "99");
}

TEST(LineWriterTest, TellsLaterHowManyLinesAFullQueueLost) {
  Pipe pipe;
  const std::size_t filled = pipe.fill();
  const std::string line = std::string(1000, 'x') + '\n';
  constexpr int kLines = 4000;  // more than wait and are being written
  std::uint64_t dropped = 0;
  {
    LineWriter writer(pipe.writer.get(), lost, kLong);
    for (int i = 0; i < kLines; ++i) writer.write(line);
    dropped = writer.lost_lines();
    EXPECT_GT(dropped, 0U);
    EXPECT_EQ(pipe.read(filled), std::string(filled, '\n'));
    std::jthread reader([&] { EXPECT_TRUE(writer.flush()); });
    const std::size_t kept = (kLines - dropped) * line.size();
    EXPECT_EQ(pipe.read(kept + lost(dropped).size()).size(), kept + lost(dropped).size());
    reader.join();
    writer.write("after\n");
  }
  pipe.writer.reset();
  EXPECT_EQ(pipe.read_all(), "after\n");
}

TEST(LineWriterTest, TheBoundHoldsForWhatWaitsAndWhatIsBeingWritten) {
  Pipe pipe;
  pipe.fill();
  LineWriter writer(pipe.writer.get(), lost, kLong);
  const std::string line = std::string(1023, 'x') + '\n';
  for (std::size_t i = 0; i < LineWriter::kQueueBytes / line.size() * 3; ++i) writer.write(line);
  EXPECT_GE(writer.lost_lines(), LineWriter::kQueueBytes / line.size());
  pipe.reader.reset();  // ends the ::write() under way
}

TEST(LineWriterTest, EndsThoughNobodyReadsAndWritesNothingMore) {
  Pipe pipe;
  const std::size_t filled = pipe.fill();
  {
    LineWriter writer(pipe.writer.get(), lost, kShort);
    for (int i = 0; i < 50; ++i) writer.write(std::string(1000, 'x') + '\n');
    EXPECT_FALSE(writer.flush());
  }
  EXPECT_EQ(pipe.read(filled).size(), filled);
  // One ::write() may have been under way: four lines at most.
  std::string rest;
  for (pollfd event{.fd = pipe.reader.get(), .events = POLLIN, .revents = 0};
       ::poll(&event, 1, 100) > 0;) {
    std::array<char, 8192> buffer{};
    const auto count = ::read(pipe.reader.get(), buffer.data(), buffer.size());
    rest.append(buffer.data(), static_cast<std::size_t>(count));
  }
  EXPECT_LE(lines_of(rest).size(), 4U);
}

TEST(LineWriterTest, LinesThatLeaveTogetherAreWholeAndFitInAPipesAtomicWrite) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd end(ends[1]);
  std::jthread writing([&end] {
    LineWriter writer(end.get(), lost, kLong);
    for (int i = 0; i < 100; ++i) writer.write(std::string(i == 50 ? 6000 : 700, 'x') + '\n');
    EXPECT_TRUE(writer.flush());
    EXPECT_EQ(writer.lost_lines(), 0U);
  });
  std::size_t lines = 0;
  std::string packet(std::size_t{1} << 20, '\0');
  while (lines < 100) {
    const auto size = ::recv(reader.get(), packet.data(), packet.size(), 0);
    ASSERT_GT(size, 0);
    const std::string text = packet.substr(0, static_cast<std::size_t>(size));
    EXPECT_THAT(text, EndsWith("\n"));
    EXPECT_TRUE(text.size() <= PIPE_BUF || text.size() == 6001) << text.size();
    lines += lines_of(text).size();
  }
}

TEST(LineWriterTest, CountsTheLinesThatTheSystemRefuses) {
  LineWriter writer(-1, lost, kLong);
  writer.write("a\n");
  writer.write("b\n");
  EXPECT_TRUE(writer.flush());
  EXPECT_EQ(writer.lost_lines(), 2U);
}

TEST(LineWriterTest, AReaderThatHasGoneCostsLinesButNoSignal) {
  Pipe pipe;
  pipe.reader.reset();
  LineWriter writer(pipe.writer.get(), lost, kLong);
  writer.write("a\n");
  EXPECT_TRUE(writer.flush());
  EXPECT_EQ(writer.lost_lines(), 1U);
}

TEST(LineWriterTest, LosesNothingOnADescriptorThatAnotherProcessMadeNonBlocking) {
  Pipe pipe;
  const std::size_t filled = pipe.fill();
  ::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
  {
    LineWriter writer(pipe.writer.get(), lost, kLong);
    writer.write("a\n");
    EXPECT_EQ(pipe.read(filled).size(), filled);
  }
  pipe.writer.reset();
  EXPECT_EQ(pipe.read_all(), "a\n");
}

TEST(LineWriterTest, ALineLongerThanTheQueueIsDropped) {
  Pipe pipe;
  {
    LineWriter writer(pipe.writer.get(), lost, kLong);
    writer.write(std::string(LineWriter::kQueueBytes, 'x') + '\n');
    writer.write("a\n");
  }
  pipe.writer.reset();
  EXPECT_THAT(pipe.read_all(), StartsWith("a\n1 lost\n"));
}

}  // namespace
}  // namespace base
