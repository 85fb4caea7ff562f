// Runs every file of fuzz/corpus/ through its fuzzer, with any compiler, so that old findings stay
// fixed. A failed CHECK ends the program. The last test in the output is the one that failed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// CMakeLists.txt gives each fuzzer's LLVMFuzzerTestOneInput a name of its own.
using Fuzzer = int(const std::uint8_t* data, std::size_t size);
extern "C" Fuzzer fuzz_block_once;
extern "C" Fuzzer fuzz_cgroup_text_once;
extern "C" Fuzzer fuzz_contest_once;
extern "C" Fuzzer fuzz_entry_parser_once;
extern "C" Fuzzer fuzz_judge_message_once;
extern "C" Fuzzer fuzz_printable_once;
extern "C" Fuzzer fuzz_proc_text_once;
extern "C" Fuzzer fuzz_record_once;
extern "C" Fuzzer fuzz_rows_once;
extern "C" Fuzzer fuzz_redis_url_once;
extern "C" Fuzzer fuzz_request_parser_once;
extern "C" Fuzzer fuzz_response_parser_once;
extern "C" Fuzzer fuzz_sample_json_once;

namespace {

struct Target {
  const char* name;
  Fuzzer* run_once;
};

constexpr Target kTargets[] = {{.name = "block", .run_once = &fuzz_block_once},
                               {.name = "cgroup_text", .run_once = &fuzz_cgroup_text_once},
                               {.name = "contest", .run_once = &fuzz_contest_once},
                               {.name = "entry_parser", .run_once = &fuzz_entry_parser_once},
                               {.name = "judge_message", .run_once = &fuzz_judge_message_once},
                               {.name = "printable", .run_once = &fuzz_printable_once},
                               {.name = "proc_text", .run_once = &fuzz_proc_text_once},
                               {.name = "record", .run_once = &fuzz_record_once},
                               {.name = "rows", .run_once = &fuzz_rows_once},
                               {.name = "redis_url", .run_once = &fuzz_redis_url_once},
                               {.name = "request_parser", .run_once = &fuzz_request_parser_once},
                               {.name = "response_parser", .run_once = &fuzz_response_parser_once},
                               {.name = "sample_json", .run_once = &fuzz_sample_json_once}};

std::vector<std::filesystem::path> files_of(const Target& target) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(FUZZ_CORPUS) / target.name)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

class CorpusTest : public testing::TestWithParam<Target> {};

TEST_P(CorpusTest, NoInputBreaksAPromise) {
  const auto files = files_of(GetParam());
  EXPECT_FALSE(files.empty());
  GetParam().run_once(nullptr, 0);
  for (const auto& path : files) {
    std::printf("%s\n", path.c_str());
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    // The exact size, so that a sanitizer sees a read beyond the end.
    const std::vector<std::uint8_t> data(bytes.begin(), bytes.end());
    EXPECT_EQ(GetParam().run_once(data.data(), data.size()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzzers, CorpusTest, testing::ValuesIn(kTargets),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
