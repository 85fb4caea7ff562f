#include "vigia/history/recording_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/test_folder.h"
#include "vigia/sample/sample_json.h"

namespace vigia {
namespace {

using base::test::read_file;
using base::test::TempFolder;
using base::test::write_file;
using testing::HasSubstr;

Sample sample_of(std::int64_t uptime_ns) {
  Sample sample;
  sample.uptime_ns = uptime_ns;
  return sample;
}

std::string line_of(std::int64_t uptime_ns) { return to_json(sample_of(uptime_ns)) + "\n"; }

class RecordingFileTest : public testing::Test {
 protected:
  base::Result<RecordingFile> open(RecordingFile::Existing existing) {
    return RecordingFile::open(path_, existing);
  }

  TempFolder folder_;
  const std::string path_ = folder_ / "host.ndjson";
};

TEST_F(RecordingFileTest, HasALineForEachSampleAndIsReadableByItsOwnerAlone) {
  auto file = open(RecordingFile::Existing::kRefuse);
  ASSERT_TRUE(file) << file.error().message();
  for (const int moment : {1, 2}) ASSERT_TRUE(file->append(sample_of(moment)));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(read_file(path_), line_of(1) + line_of(2));
  EXPECT_EQ(file->bytes(), static_cast<std::int64_t>((line_of(1) + line_of(2)).size()));
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(RecordingFileTest, AnExistingFileIsNotReplaced) {
  write_file(path_, line_of(1));
  const auto file = open(RecordingFile::Existing::kRefuse);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), base::Code::kAlreadyExists);
  EXPECT_EQ(read_file(path_), line_of(1));
}

TEST_F(RecordingFileTest, AppendsAfterTheLastWholeLine) {
  const std::string torn = line_of(2);
  for (std::size_t length = 0; length < torn.size(); ++length) {
    for (const std::string& whole : {std::string(), line_of(1)}) {
      write_file(path_, whole + torn.substr(0, length));
      auto file = open(RecordingFile::Existing::kAppend);
      ASSERT_TRUE(file) << file.error().message();
      EXPECT_EQ(file->bytes_cut(), static_cast<std::int64_t>(length));
      ASSERT_TRUE(file->append(sample_of(3)));
      EXPECT_EQ(read_file(path_), whole + line_of(3));
    }
  }
}

TEST_F(RecordingFileTest, ALongLineThatIsCutShortIsRemoved) {
  write_file(path_, line_of(1) + line_of(2).substr(0, 50) + std::string(200'000, 'x'));
  auto file = open(RecordingFile::Existing::kAppend);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->bytes_cut(), 200'050);
  EXPECT_EQ(read_file(path_), line_of(1));
}

TEST_F(RecordingFileTest, AFileThatIsNoRecordingIsUnchanged) {
  for (const std::string text : {"olive", "{\"schemas\":", "\n", "{\"schema\";"}) {
    write_file(path_, text);
    const auto file = open(RecordingFile::Existing::kAppend);
    ASSERT_FALSE(file) << text;
    EXPECT_EQ(file.error().code(), base::Code::kFailedPrecondition);
    EXPECT_EQ(read_file(path_), text);
  }
}

TEST_F(RecordingFileTest, OnlyOneProcessAppends) {
  const auto first = open(RecordingFile::Existing::kAppend);
  ASSERT_TRUE(first) << first.error().message();
  const auto second = open(RecordingFile::Existing::kAppend);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), base::Code::kAlreadyExists);
}

TEST_F(RecordingFileTest, ALineThatDoesNotFitLeavesTheLinesBefore) {
  auto file = open(RecordingFile::Existing::kRefuse);
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(file->append(sample_of(1)));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = line_of(1).size() + 100;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto done = file->append(sample_of(2));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), HasSubstr("writing " + path_));
  EXPECT_EQ(read_file(path_), line_of(1));
  ASSERT_TRUE(file->append(sample_of(3)));
  EXPECT_EQ(read_file(path_), line_of(1) + line_of(3));
}

TEST_F(RecordingFileTest, ALinkIsNotFollowed) {
  const std::string victim = path_ + ".victim";
  write_file(victim, "precious");
  std::filesystem::create_symlink(victim, path_);
  for (const auto existing : {RecordingFile::Existing::kRefuse, RecordingFile::Existing::kAppend}) {
    EXPECT_FALSE(open(existing));
  }
  EXPECT_EQ(read_file(victim), "precious");
}

TEST_F(RecordingFileTest, AFullDiskIsNamed) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "NOT TESTED: there is no /dev/full";
  auto file = RecordingFile::open("/dev/full", RecordingFile::Existing::kAppend);
  ASSERT_TRUE(file) << file.error().message();
  const auto done = file->append(sample_of(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), base::Code::kResourceExhausted);
}

}  // namespace
}  // namespace vigia
