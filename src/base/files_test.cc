// Files on a real file system: they are read whole and replaced atomically, in folders that are
// made when missing.
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "base/test_folder.h"

namespace base {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  test::TempFolder folder_;
};

TEST_F(FilesTest, AFileIsReadWholeWhateverItsSize) {
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U}) {
    std::string bytes(size, 'x');
    if (size > 0) bytes[size / 2] = '\0';
    test::write_file(folder_ / "file", bytes);
    EXPECT_EQ(read_file(folder_ / "file", 100'000).value(), bytes) << size;
  }
}

TEST_F(FilesTest, AFileLargerThanAllowedIsRefusedByName) {
  test::write_file(folder_ / "file", std::string(11, 'x'));
  const auto bytes = read_file(folder_ / "file", 10);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(bytes.error().message(), folder_ / "file" + ": expected at most 10 bytes");
}

TEST_F(FilesTest, AFileWithoutAnEndIsNotReadFurtherThanAllowed) {
  EXPECT_FALSE(read_file("/dev/zero", 10'000));
}

TEST_F(FilesTest, AFileThatCannotBeReadIsNamed) {
  EXPECT_EQ(read_file(folder_ / "none", 10).error().code(), Code::kNotFound);
  EXPECT_FALSE(read_file(folder_.path(), 10));
}

TEST_F(FilesTest, AReplacedFileHasOnlyTheNewTextAndTheMode) {
  const std::string path = folder_ / "file";
  ASSERT_TRUE(replace_file(path, "a first and longer text", 0600));
  ASSERT_TRUE(replace_file(path, "second", 0600));
  EXPECT_EQ(test::read_file(path), "second");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(FilesTest, AFileThatCannotBeReplacedKeepsItsText) {
  const std::string path = folder_ / "file";
  test::write_file(path, "old");
  fs::create_directory(path + ".new");  // blocks the temporary file
  EXPECT_FALSE(replace_file(path, "new", 0600));
  EXPECT_EQ(test::read_file(path), "old");
}

TEST_F(FilesTest, FoldersAreMadeWithTheirParents) {
  ASSERT_TRUE(make_folder(folder_ / "a/b/c"));
  EXPECT_TRUE(fs::is_directory(folder_ / "a/b/c"));
  EXPECT_TRUE(make_folder(folder_ / "a/b/c")) << "made already";
}

TEST_F(FilesTest, AFileThatBlocksAFolderIsNamed) {
  test::write_file(folder_ / "a", "");
  const auto made = make_folder(folder_ / "a/b");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find(folder_ / "a"), std::string::npos);
}

}  // namespace
}  // namespace base
