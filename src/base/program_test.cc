// A program of several commands: its output and exit status.
#include "base/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>

namespace base {
namespace {

using testing::HasSubstr;

std::vector<std::string> given;

int keep(Arguments arguments) {
  given.assign(arguments.begin(), arguments.end());
  return 7;
}
int fail_to_write(Arguments /*arguments*/) {
  throw std::system_error(std::make_error_code(std::errc::no_space_on_device));
}

constexpr std::array<Command, 2> kCommands = {
    {{"keep", "keeps what it is given", keep}, {"fail", "cannot write", fail_to_write}}};
constexpr Program kProgram = {.name = "tool",
                              .version = "1.2",
                              .description = "It helps.\n",
                              .examples = "  tool keep 1\n",
                              .commands = kCommands};

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "tool");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = kProgram.run(static_cast<int>(arguments.size()), arguments.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(ProgramTest, ACommandGetsTheArgumentsAfterItsName) {
  EXPECT_EQ(run({"keep", "a", "keep"}).status, 7);
  EXPECT_EQ(given, (std::vector<std::string>{"a", "keep"}));
}

TEST(ProgramTest, ALimitOnTheSizeOfFilesDoesNotKillIt) {
  const auto before = std::signal(SIGXFSZ, SIG_DFL);
  run({"keep"});
  EXPECT_EQ(std::signal(SIGXFSZ, before), SIG_IGN);
}

TEST(ProgramTest, HelpNamesEveryCommand) {
  for (const char* word : {"--help", "-h", "help"}) {
    const Outcome outcome = run({word});
    EXPECT_EQ(outcome.status, kExitOk);
    for (const char* part : {"It helps.", "Usage: tool COMMAND", "keeps what it is given",
                             "cannot write", "tool keep 1"}) {
      EXPECT_THAT(outcome.out, HasSubstr(part));
    }
  }
  EXPECT_EQ(run({"--version"}).out, "tool 1.2\n");
}

TEST(ProgramTest, AnUnknownCommandIsWrongUsage) {
  EXPECT_EQ(run({"kep"}).status, kExitUsage);
  EXPECT_EQ(run({"kep"}).err, "tool: unknown command 'kep' (see 'tool --help')\n");
  EXPECT_EQ(run({}).status, kExitUsage);
  EXPECT_THAT(run({}).err, HasSubstr("Usage: tool"));
}

TEST(ProgramTest, AnOutputThatCannotBeWrittenIsAFailureWithAMessage) {
  const Outcome outcome = run({"fail"});
  EXPECT_EQ(outcome.status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
}

}  // namespace
}  // namespace base
