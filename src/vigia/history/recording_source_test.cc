#include "vigia/history/recording_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/test_folder.h"

namespace vigia {
namespace {

using base::test::TempFolder;
using base::test::write_file;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

std::string line_of(std::int64_t uptime_ns, std::size_t processes = 2) {
  Sample sample;
  sample.source = "proc";
  sample.uptime_ns = uptime_ns;
  for (std::size_t i = 0; i < processes; ++i) {
    Process process;
    process.state = 'S';
    process.pid = static_cast<std::int32_t>(i + 1);
    process.command = std::string(200, 'x');
    sample.processes.push_back(process);
  }
  return to_json(sample);
}

class RecordingSourceTest : public testing::Test {
 protected:
  std::unique_ptr<RecordingSource> open(std::string_view text) {
    write_file(path_, text);
    auto source = RecordingSource::open(path_);
    EXPECT_TRUE(source) << source.error().message();
    return *std::move(source);
  }

  // Returns the moments of all samples before the end or an error. Keeps that error.
  std::vector<std::int64_t> moments(RecordingSource& source) {
    std::vector<std::int64_t> moments;
    Sample sample;
    while (true) {
      const auto is_there = source.next(sample);
      if (!is_there) said_ = is_there.error().message();
      if (!is_there || !*is_there) return moments;
      moments.push_back(sample.uptime_ns);
    }
  }

  TempFolder folder_;
  const std::string path_ = folder_ / "host.ndjson";
  std::string said_;
};

TEST_F(RecordingSourceTest, SamplesComeAsTheyWereRecorded) {
  const auto source = open(line_of(1) + "\n" + line_of(2) + "\n" + line_of(3) + "\n");
  EXPECT_EQ(source->name(), "recording");
  Sample sample;
  ASSERT_TRUE(source->read(sample));
  EXPECT_EQ(sample.source, "proc");
  EXPECT_EQ(sample.processes.size(), 2U);
  EXPECT_THAT(moments(*source), ElementsAre(2, 3));
  EXPECT_EQ(said_, "");
  EXPECT_FALSE(source->is_cut());
}

TEST_F(RecordingSourceTest, TheEndIsUnavailable) {
  const auto source = open(line_of(1) + "\n");
  Sample sample;
  ASSERT_TRUE(source->read(sample));
  for (int i = 0; i < 2; ++i) {
    const auto done = source->read(sample);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), base::Code::kUnavailable);
    EXPECT_EQ(done.error().message(), path_ + " ends after 1 lines");
  }
  EXPECT_THAT(moments(*open("")), ElementsAre());
}

TEST_F(RecordingSourceTest, ALineMayBeLongerThanWhatIsReadAtOnce) {
  // A line of more than a MiB, then a line that begins and ends within one read.
  const auto source =
      open(line_of(1, 10'000) + "\n" + line_of(2) + "\n" + line_of(3, 10'000) + "\n");
  EXPECT_THAT(moments(*source), ElementsAre(1, 2, 3));
}

TEST_F(RecordingSourceTest, LinesAreSkippedWhateverTheyHold) {
  const auto source = open("nonsense\n" + line_of(2) + "\n");
  EXPECT_TRUE(*source->skip());
  EXPECT_THAT(moments(*source), ElementsAre(2));
  EXPECT_FALSE(*source->skip());
}

TEST_F(RecordingSourceTest, ALastLineThatIsCutShortIsSkippedAndReported) {
  const std::string whole = line_of(1) + "\n";
  const std::string last = line_of(2);
  for (std::size_t length = 1; length < last.size(); ++length) {
    const auto source = open(whole + last.substr(0, length));
    EXPECT_THAT(moments(*source), ElementsAre(1));
    EXPECT_TRUE(source->is_cut()) << length;
    EXPECT_EQ(said_, "");
    Sample sample;
    EXPECT_THAT(source->read(sample).error().message(), EndsWith("the last is cut short"));
  }
}

TEST_F(RecordingSourceTest, ALastLineNeedsNoEnd) {
  const auto source = open(line_of(1) + "\n" + line_of(2));
  EXPECT_THAT(moments(*source), ElementsAre(1, 2));
  EXPECT_FALSE(source->is_cut());
}

TEST_F(RecordingSourceTest, ALineThatIsNoSampleIsNamedByItsNumber) {
  EXPECT_THAT(moments(*open(line_of(1) + "\n\n" + line_of(2) + "\n")), ElementsAre(1));
  EXPECT_THAT(said_, HasSubstr(path_ + ":2: malformed JSON: "));
  EXPECT_THAT(moments(*open(line_of(1) + "\n" + line_of(-1) + "\n")), ElementsAre(1));
  EXPECT_THAT(said_, HasSubstr(path_ + ":2: uptime_ns: expected a whole number"));
  // The same in a last line without an end.
  EXPECT_THAT(moments(*open(line_of(1) + "\n{\"schema\":2}")), ElementsAre(1));
  EXPECT_EQ(said_, path_ + ":2: schema 2 is not known here: expected schema 1");
}

TEST_F(RecordingSourceTest, ALineBeyondTheBoundIsRefused) {
  const auto source = open("");
  std::filesystem::resize_file(path_, kSampleBytesMax + 2);  // takes no room
  EXPECT_THAT(moments(*source), ElementsAre());
  EXPECT_EQ(said_, path_ + ":1: expected a line of at most 268435456 bytes");
}

TEST_F(RecordingSourceTest, AMissingFileIsNamed) {
  const auto source = RecordingSource::open(path_);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), base::Code::kNotFound);
  EXPECT_THAT(source.error().message(), HasSubstr(path_));
}

}  // namespace
}  // namespace vigia
