// Files on a real file system: they are read whole and replaced atomically, in folders that are
// made when missing.
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/test_folder.h"

namespace base {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  [[nodiscard]] static mode_t mode_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  // Makes the link `name` to a file with the text "precious". Returns the link's path.
  std::string plant_link(std::string_view name) {
    test::write_file(folder_ / "victim", "precious");
    fs::create_symlink(folder_ / "victim", folder_ / name);
    return folder_ / name;
  }
  [[nodiscard]] std::string victim() const { return test::read_file(folder_ / "victim"); }

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

TEST_F(FilesTest, AReplacedFileDoesNotFollowLinks) {
  const std::string path = plant_link("file");
  fs::create_symlink(folder_ / "victim", path + ".new");
  ASSERT_TRUE(replace_file(path, "new", 0600));
  EXPECT_EQ(victim(), "precious");
  EXPECT_FALSE(fs::is_symlink(path));
  EXPECT_EQ(test::read_file(path), "new");
}

TEST_F(FilesTest, AReplacedFileHasItsModeWhateverIsLeftOverAndWhateverTheUmask) {
  const std::string path = folder_ / "file";
  test::write_file(path + ".new", "left over");
  ASSERT_EQ(::chmod((path + ".new").c_str(), 0666), 0);
  for (const mode_t mask : {0U, 0777U}) {
    const mode_t old = ::umask(mask);
    const auto replaced = replace_file(path, "new", 0640);
    ::umask(old);
    ASSERT_TRUE(replaced) << replaced.error().message();
    EXPECT_EQ(mode_of(path), 0640U);
  }
  EXPECT_EQ(test::read_file(path), "new");
}

TEST_F(FilesTest, ACreatedFileIsNewOrRefused) {
  const std::string path = plant_link("file");
  const auto refused = create_file(path, 0600, LeftOver::kRefuse);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(create_file(path, 0604, LeftOver::kRemove));
  EXPECT_EQ(mode_of(path), 0604U);
  EXPECT_EQ(test::read_file(path), "");
  EXPECT_EQ(victim(), "precious");
  EXPECT_FALSE(create_file(folder_.path(), 0600, LeftOver::kRemove)) << "a folder";
}

TEST_F(FilesTest, ADanglingLinkIsNotCreatedThrough) {
  fs::create_symlink(folder_ / "elsewhere", folder_ / "file");
  EXPECT_FALSE(create_file(folder_ / "file", 0600, LeftOver::kRefuse));
  EXPECT_FALSE(open_file(folder_ / "file"));
  EXPECT_FALSE(open_or_create_file(folder_ / "file", 0600));
  EXPECT_FALSE(open_output(folder_ / "file"));
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(FilesTest, AnOpenedFileIsNoLink) {
  const std::string path = plant_link("file");
  for (const auto& opened : {open_file(path), open_or_create_file(path, 0600), open_output(path)}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
    EXPECT_NE(opened.error().message().find(path + " is a symbolic link"), std::string::npos);
  }
  EXPECT_EQ(victim(), "precious");
  EXPECT_EQ(open_file(folder_ / "none").error().code(), Code::kNotFound);
  EXPECT_TRUE(open_file(folder_ / "victim"));
}

TEST_F(FilesTest, AnOpenedFileIsMadeWhenItIsMissingAndKeptWhenItIsThere) {
  const std::string path = folder_ / "file";
  ASSERT_TRUE(open_or_create_file(path, 0600));
  EXPECT_EQ(mode_of(path), 0600U);
  test::write_file(path, "text");
  ASSERT_TRUE(open_or_create_file(path, 0644));
  EXPECT_EQ(test::read_file(path), "text");
  EXPECT_EQ(mode_of(path), 0600U);
}

TEST_F(FilesTest, AnOutputIsAnEmptyFileOfItsOwn) {
  const std::string path = folder_ / "file";
  test::write_file(path, "of an earlier run");
  fs::create_hard_link(path, folder_ / "other name");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const mode_t old = ::umask(022);
  const auto opened = open_output(path);
  ::umask(old);
  ASSERT_TRUE(opened) << opened.error().message();
  ASSERT_TRUE(write_all(*opened, "new", path));
  EXPECT_EQ(test::read_file(path), "new");
  EXPECT_EQ(mode_of(path), 0644U);
  EXPECT_EQ(test::read_file(folder_ / "other name"), "of an earlier run");
}

TEST_F(FilesTest, AnOutputMayBeADeviceOrALinkToOne) {
  fs::create_symlink("/dev/null", folder_ / "link");
  for (const std::string& path : {std::string("/dev/null"), folder_ / "link"}) {
    const auto opened = open_output(path);
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE(write_all(*opened, "text", path));
  }
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
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
