#include "vigia/sources/module_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "vigia/sample/sample_json.h"
#include "vigia/sources/kernel_source.h"
#include "vigia/sources/test_proc.h"
#include "vigia/sources/test_rows.h"

namespace vigia {
namespace {

using test::FakeProc;
using testing::HasSubstr;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;  // the kernel gives so much at once

std::string bytes_of_size(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

class ModuleRowsTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<RowStream>> open() { return open_module_rows(proc_.path()); }
  [[nodiscard]] std::string path() const { return proc_.path() + "/vigia_bin"; }

  FakeProc proc_;
};

TEST_F(ModuleRowsTest, EachReadGivesTheFileFromItsStart) {
  proc_.write("vigia_bin", "first");
  const auto stream = open();
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_EQ((*stream)->name(), "module");
  EXPECT_EQ((*stream)->place(), path());
  for (const std::size_t size : {kPieceBytes, 3 * kPieceBytes, std::size_t{3}, 2 * kPieceBytes + 1,
                                 kPieceBytes - 1, std::size_t{0}}) {
    const std::string bytes = bytes_of_size(size);
    proc_.write("vigia_bin", bytes);
    for (int i = 0; i < 2; ++i) {
      const auto read = (*stream)->read();
      ASSERT_TRUE(read) << read.error().message();
      EXPECT_TRUE(*read == bytes) << size;
    }
  }
}

TEST_F(ModuleRowsTest, WithoutTheModuleTheErrorSaysHowToLoadIt) {
  const auto stream = open();
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(stream.error().message(),
            path() + ": No such file or directory: the module is not loaded (make module-install)");
}

TEST_F(ModuleRowsTest, WithoutRightsTheErrorSaysWhoMayReadIt) {
  if (::geteuid() == 0) GTEST_SKIP() << "NOT TESTED: root may read any file";
  proc_.write("vigia_bin", "");
  std::filesystem::permissions(path(), std::filesystem::perms::none);
  const auto stream = open();
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), base::Code::kUnavailable);
  EXPECT_THAT(stream.error().message(), HasSubstr("only root and the module's group may read it"));
}

TEST_F(ModuleRowsTest, AFileThatCannotBeReadIsNamed) {
  std::filesystem::create_directory(path());
  const auto stream = open();
  ASSERT_TRUE(stream);
  const auto read = (*stream)->read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(read.error().message(), path() + ": Is a directory");
}

TEST_F(ModuleRowsTest, AnErrorAboutAnotherReleasesRowsNamesTheirFile) {
  vigia_header header = test::header_of_rows();
  header.schema = 2;
  proc_.write("vigia_bin", test::bytes_of({}, header));
  auto stream = open();
  ASSERT_TRUE(stream);
  const auto source = KernelSource::open(std::move(*stream), {.proc = proc_.path()});
  ASSERT_TRUE(source);
  Sample sample;
  const auto done = (*source)->read(sample);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(done.error().message(),
            path() + ": its rows have schema 2, expected 1: another release of vigia made them");
}

class ModuleJsonTest : public testing::Test {
 protected:
  ModuleJsonTest() {
    given_.source = "module";
    given_.kernel = "6.1.0";
    given_.boot_id = "of a test";
    given_.memory.total_bytes = 9;
    Process& process = given_.processes.emplace_back();
    process.pid = 7;
    process.threads = 1;
    process.state = 'S';
    process.name = "seven";
  }

  std::unique_ptr<Source> open() {
    proc_.write("vigia", to_json(given_));
    auto source = open_module_json(proc_.path());
    EXPECT_TRUE(source) << source.error().message();
    return source ? *std::move(source) : nullptr;
  }
  [[nodiscard]] std::string path() const { return proc_.path() + "/vigia"; }

  FakeProc proc_;
  Sample given_;
  Sample sample_;
};

TEST_F(ModuleJsonTest, ASampleIsTheModulesAndItsSwapThatOfProc) {
  const auto source = open();
  ASSERT_TRUE(source->read(sample_));
  EXPECT_EQ(source->name(), "module-json");
  EXPECT_EQ(sample_.source, "module-json");
  EXPECT_EQ(sample_.kernel, "6.1.0");
  EXPECT_EQ(sample_.processes, given_.processes);
  EXPECT_EQ(sample_.memory.total_bytes, 9);
  EXPECT_EQ(sample_.memory.swap_total_bytes, 3 * 1024);
}

TEST_F(ModuleJsonTest, ASwapThatTheModuleGivesIsKept) {
  given_.memory.swap_total_bytes = 5;
  const auto source = open();
  proc_.remove("meminfo");
  ASSERT_TRUE(source->read(sample_));
  EXPECT_EQ(sample_.memory.swap_total_bytes, 5);
}

TEST_F(ModuleJsonTest, ProcessesReleasedMeanwhileAreLeftOut) {
  Process& released = given_.processes.emplace_back(given_.processes.front());
  released.pid = 8;
  released.threads = 0;
  const auto source = open();
  ASSERT_TRUE(source->read(sample_));
  given_.processes.pop_back();
  EXPECT_EQ(sample_.processes, given_.processes);
}

TEST_F(ModuleJsonTest, EachReadIsOfNowAndOfAnySize) {
  const auto source = open();
  ASSERT_TRUE(source->read(sample_));
  for (const std::int32_t count : {2000, 1, 500}) {
    given_.processes.assign(static_cast<std::size_t>(count), given_.processes[0]);
    for (std::int32_t i = 0; i < count; ++i)
      given_.processes[static_cast<std::size_t>(i)].pid = i + 1;
    proc_.write("vigia", to_json(given_));
    const auto done = source->read(sample_);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(sample_.processes, given_.processes);
  }
}

TEST_F(ModuleJsonTest, AnErrorNamesItsFileAndTheNextReadIsRight) {
  const auto source = open();
  const auto refusal = [&](std::string_view text) {
    proc_.write("vigia", text);
    const auto done = source->read(sample_);
    return done ? base::Error(base::Code::kInternal, "none") : done.error();
  };
  EXPECT_EQ(refusal(R"({"schema":2})").code(), base::Code::kFailedPrecondition);
  EXPECT_EQ(refusal(R"({"schema":2})").message(),
            path() + ": schema 2 is not known here: expected schema 1");
  EXPECT_EQ(refusal("").code(), base::Code::kCorruption);
  EXPECT_THAT(refusal("nonsense").message(), HasSubstr(path() + ": "));
  EXPECT_EQ(refusal(to_json(given_)).message(), "none");
}

TEST_F(ModuleJsonTest, WithoutTheModuleTheErrorSaysHowToLoadIt) {
  const auto source = open_module_json(proc_.path());
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), base::Code::kUnavailable);
  EXPECT_EQ(source.error().message(),
            path() + ": No such file or directory: the module is not loaded (make module-install)");
}

}  // namespace
}  // namespace vigia
