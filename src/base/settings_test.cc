// Settings in layers: file, then environment, then flags. An error names the setting, its place and
// the expected value.
#include "base/settings.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/test_folder.h"

namespace base {
namespace {

using namespace std::chrono_literals;

class SettingsTest : public testing::Test {
 protected:
  // One setting of each kind, in a command `all` of a program with another command `load`.
  struct Targets {
    std::string http = "127.0.0.1:8080";
    Bytes max_body{4 << 20};
    std::chrono::nanoseconds wait = 10s;
    std::int64_t threads = 2;
    bool tls = false;
    std::string level = "info";
  };

  // Writes the file. The next load() reads it.
  void file(std::string_view text) {
    path_ = folder_ / "estadio.toml";
    test::write_file(path_, text);
  }

  Settings settings_for(Targets& targets) {
    Settings settings({.program = "estadio",
                       .command = "all",
                       .about = "Does it all.",
                       .examples = "  estadio all\n",
                       .commands = {"all", "load"}});
    settings.add("http", targets.http, "ADDR", "address to listen on");
    settings.add("max-body", targets.max_body, "largest body");
    settings.add("wait", targets.wait, std::chrono::nanoseconds(0), std::chrono::hours(1),
                 "how long to wait");
    settings.add("threads", targets.threads, 1, 64, "how many threads");
    settings.add("tls", targets.tls, "encrypt");
    settings.add_parsed(
        "level", "LEVEL", "how much to say",
        [&targets](std::string_view text) -> Result<void> {
          if (text != "info" && text != "debug")
            return fail(Code::kInvalidArgument, "expected info or debug");
          targets.level = text;
          return {};
        },
        [&targets] { return targets.level; });
    return settings;
  }

  Result<Settings::Next> load(Settings& settings, std::vector<std::string> arguments) {
    if (!path_.empty()) arguments.insert(arguments.end(), {"--config", path_});
    return settings.load(arguments, [this](const std::string& name) {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    });
  }

  Result<Settings::Next> load(std::vector<std::string> arguments = {}) {
    Settings settings = settings_for(targets_);
    return load(settings, std::move(arguments));
  }

  // Returns the message that refuses these arguments. Empty when they are taken.
  std::string refusal(std::vector<std::string> arguments = {}) {
    Targets targets;
    Settings settings = settings_for(targets);
    const auto loaded = load(settings, std::move(arguments));
    if (loaded) return {};
    EXPECT_EQ(loaded.error().code(), Code::kInvalidArgument);
    return loaded.error().message();
  }

  test::TempFolder folder_;
  std::string path_;
  std::map<std::string, std::string> environment_;
  Targets targets_;
};

TEST_F(SettingsTest, WithoutLayersTheDefaultsStay) {
  const auto next = load();
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(*next, Settings::Next::kRun);
  EXPECT_EQ(targets_.http, "127.0.0.1:8080");
  EXPECT_EQ(targets_.max_body.count, 4U << 20);
  EXPECT_EQ(targets_.wait, 10s);
  EXPECT_EQ(targets_.threads, 2);
  EXPECT_FALSE(targets_.tls);
}

TEST_F(SettingsTest, FlagsOverrideTheEnvironmentWhichOverridesTheFile) {
  file("http = 'file'\nthreads = 3\nmax-body = '1MiB'\nwait = '1s'\n");
  environment_ = {{"ESTADIO_THREADS", "4"}, {"ESTADIO_MAX_BODY", "2MiB"}, {"ESTADIO_WAIT", "2s"}};
  ASSERT_TRUE(load({"--max-body", "3MiB", "--wait=3s"}));
  EXPECT_EQ(targets_.http, "file");
  EXPECT_EQ(targets_.threads, 4);
  EXPECT_EQ(targets_.max_body.count, 3U << 20);
  EXPECT_EQ(targets_.wait, 3s);
}

TEST_F(SettingsTest, TheCommandsTableOverridesTheTopOfTheFile) {
  file("threads = 3\nhttp = 'top'\n[all]\nthreads = 5\n");
  ASSERT_TRUE(load());
  EXPECT_EQ(targets_.threads, 5);
  EXPECT_EQ(targets_.http, "top");
}

TEST_F(SettingsTest, TablesOfOtherCommandsAreIgnored) {
  file("threads = 3\n[load]\nrate = 'max'\nthreads = 'many'\n");
  ASSERT_TRUE(load());
  EXPECT_EQ(targets_.threads, 3);
}

TEST_F(SettingsTest, ATableOfNoCommandIsAnUnknownKey) {
  file("[lod]\nrate = 1\n");
  EXPECT_NE(refusal().find("estadio.toml:1:"), std::string::npos) << refusal();
  EXPECT_TRUE(refusal().ends_with(": unknown key 'lod'")) << refusal();  // no name is similar
}

TEST_F(SettingsTest, FlagsMayBeSwitchedBothWaysInEveryLayer) {
  file("tls = true\n");
  ASSERT_TRUE(load());
  EXPECT_TRUE(targets_.tls);
  environment_["ESTADIO_TLS"] = "false";
  ASSERT_TRUE(load());
  EXPECT_FALSE(targets_.tls);
  ASSERT_TRUE(load({"--tls"}));
  EXPECT_TRUE(targets_.tls);
  ASSERT_TRUE(load({"--tls", "--no-tls"}));
  EXPECT_FALSE(targets_.tls);
}

TEST_F(SettingsTest, TheLastOfARepeatedFlagCounts) {
  ASSERT_TRUE(load({"--threads", "3", "--threads", "4"}));
  EXPECT_EQ(targets_.threads, 4);
}

TEST_F(SettingsTest, AnAddressOfIpV6IsTakenAsItIs) {
  ASSERT_TRUE(load({"--http", "[::1]:8080"}));
  EXPECT_EQ(targets_.http, "[::1]:8080");
  ASSERT_TRUE(load({"--http=[::1]:9"}));
  EXPECT_EQ(targets_.http, "[::1]:9");
}

TEST_F(SettingsTest, TheFileMayBeNamedByTheEnvironment) {
  file("threads = 7\n");
  environment_["ESTADIO_CONFIG"] = std::exchange(path_, {});
  ASSERT_TRUE(load());
  EXPECT_EQ(targets_.threads, 7);
}

TEST_F(SettingsTest, AnErrorInTheFileNamesKeyPlaceAndExpectation) {
  file("http = 'x'\n\n  threads = 65\n");
  EXPECT_EQ(refusal(), path_ + ":3:13: threads: expected a whole number from 1 to 64, got '65'");
  file("max-body = 'lots'\n");
  EXPECT_EQ(refusal(), path_ + ":1:12: max-body: expected a size such as 64MiB, got 'lots'");
  file("[all]\nwait = 10\n");
  EXPECT_EQ(refusal(), path_ + ":2:8: wait: expected a duration such as 10s or 250ms, got '10'");
  file("wait = '2h'\n");
  EXPECT_EQ(refusal(), path_ + ":1:8: wait: expected a duration from 0 to 1h, got '2h'");
  file("tls = 1\n");
  EXPECT_EQ(refusal(), path_ + ":1:7: tls: expected true or false, got '1'");
  file("threads = 1.5\n");
  EXPECT_EQ(refusal(), path_ + ":1:11: threads: expected a whole number from 1 to 64, got '1.5'");
  file("threads = [1]\n");
  EXPECT_EQ(refusal(), path_ + ":1:11: threads: expected one value, got a table or an array");
  file("level = 'loud'\n");
  EXPECT_EQ(refusal(), path_ + ":1:9: level: expected info or debug");
}

TEST_F(SettingsTest, AFileThatIsNotTomlIsRefusedWithItsPlace) {
  file("threads = 3\nhttp = \n");
  EXPECT_EQ(refusal().rfind(path_ + ":2:", 0), 0U) << refusal();
  file("threads = 3\nthreads = 4\n");
  EXPECT_EQ(refusal().rfind(path_ + ":2:", 0), 0U) << refusal();
}

TEST_F(SettingsTest, AMissingFileIsNamed) {
  path_ = folder_ / "none.toml";
  EXPECT_NE(refusal().find("none.toml"), std::string::npos);
}

TEST_F(SettingsTest, AnUnknownKeyGetsTheNearestName) {
  file("thread = 3\n");
  EXPECT_NE(refusal().find("estadio.toml:1:"), std::string::npos);
  EXPECT_NE(refusal().find("unknown key 'thread'; did you mean 'threads'?"), std::string::npos)
      << refusal();
  file("max_body = '1MiB'\n");
  EXPECT_NE(refusal().find("did you mean 'max-body'?"), std::string::npos);
  file("completely-different = 3\n");
  EXPECT_EQ(refusal().find("did you mean"), std::string::npos);
}

TEST_F(SettingsTest, AnUnknownKeyIsPlacedAtTheKey) {
  file("\nhttp = 'x'\n  thread = 3\n");
  EXPECT_EQ(refusal().rfind(path_ + ":3:3: unknown key", 0), 0U) << refusal();
}

TEST_F(SettingsTest, APositionalIsNeverSuggestedForAKey) {
  Settings settings = settings_for(targets_);
  std::string url = "x";
  settings.add_positional("thread-url", url, "whom to call");
  file("thread-ur = 3\n");
  const auto loaded = load(settings, {"http://h"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message().find("thread-url"), std::string::npos)
      << loaded.error().message();
}

TEST_F(SettingsTest, AnErrorInTheEnvironmentNamesTheVariable) {
  environment_["ESTADIO_MAX_BODY"] = "";
  EXPECT_EQ(
      refusal(),
      "environment variable ESTADIO_MAX_BODY: max-body: expected a size such as 64MiB, got ''");
}

TEST_F(SettingsTest, AnErrorOfAFlagNamesTheFlag) {
  EXPECT_EQ(refusal({"--threads", "0"}),
            "command line: threads: expected a whole number from 1 to 64, got '0'");
  EXPECT_EQ(
      refusal({"--threads", "99999999999999999999"}),
      "command line: threads: expected a whole number from 1 to 64, got '99999999999999999999'");
  EXPECT_NE(refusal({"--threads"}).find("--threads"), std::string::npos);
  EXPECT_NE(refusal({"--thread", "1"}).find("--thread"), std::string::npos);
  EXPECT_NE(refusal({"--thread", "1"}).find("estadio all --help"), std::string::npos);
  EXPECT_NE(refusal({"stray"}).find("stray"), std::string::npos);
}

TEST_F(SettingsTest, APositionalIsRequiredAndTaken) {
  for (const bool given : {true, false}) {
    Settings settings = settings_for(targets_);
    std::string url;
    settings.add_positional("url", url, "whom to call");
    const auto loaded = given ? load(settings, {"http://h", "--threads", "3"}) : load(settings, {});
    ASSERT_EQ(loaded.has_value(), given);
    if (given)
      EXPECT_EQ(url, "http://h");
    else
      EXPECT_NE(loaded.error().message().find("url"), std::string::npos);
  }
}

TEST_F(SettingsTest, APositionalIsNotAKeyOfTheFile) {
  Settings settings = settings_for(targets_);
  std::string url;
  settings.add_positional("url", url, "whom to call");
  file("url = 'x'\n");
  const auto loaded = load(settings, {"http://h"});
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("unknown key 'url'"), std::string::npos);
}

TEST_F(SettingsTest, ChecksSeeAllLayersAndLoadReturnsTheirError) {
  Settings settings = settings_for(targets_);
  settings.add_check([this]() -> Result<void> {
    if (targets_.tls && targets_.threads < 2)
      return fail(Code::kInvalidArgument, "tls needs two threads");
    return {};
  });
  environment_["ESTADIO_TLS"] = "true";
  EXPECT_TRUE(load(settings, {}));
  const auto loaded = load(settings, {"--threads", "1"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message(), "tls needs two threads");
}

TEST_F(SettingsTest, PrintConfigPrintsAFileThatIsReadBackTheSame) {
  targets_ = {.http = "quote \" backslash \\ tab \t newline \n ñ # not a comment",
              .max_body = {12345},
              .wait = 1500ms,
              .threads = 64,
              .tls = true,
              .level = "debug"};
  Settings settings = settings_for(targets_);
  testing::internal::CaptureStdout();
  const auto next = load(settings, {"--print-config"});
  std::fflush(stdout);
  const std::string printed = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, Settings::Next::kDone);
  EXPECT_EQ(printed, settings.to_toml());

  const Targets written = targets_;
  targets_ = Targets();
  file(printed);
  const auto read = load();
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(targets_.http, written.http);
  EXPECT_EQ(targets_.max_body.count, written.max_body.count);
  EXPECT_EQ(targets_.wait, written.wait);
  EXPECT_EQ(targets_.threads, written.threads);
  EXPECT_EQ(targets_.tls, written.tls);
  EXPECT_EQ(targets_.level, written.level);
}

TEST_F(SettingsTest, EveryCharacterOfATextSurvivesPrintConfig) {
  for (int c = 1; c < 128; ++c) {
    targets_ = Targets();
    targets_.http = std::string("a") + static_cast<char>(c) + "b";
    const std::string written = targets_.http;
    Settings settings = settings_for(targets_);
    file(settings.to_toml());
    targets_ = Targets();
    const auto read = load();
    ASSERT_TRUE(read) << c << ": " << read.error().message();
    EXPECT_EQ(targets_.http, written) << c;
  }
}

TEST_F(SettingsTest, CheckConfigChecksAndEnds) {
  testing::internal::CaptureStdout();
  const auto good = load({"--check-config"});
  std::fflush(stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "configuration ok\n");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, Settings::Next::kDone);
  EXPECT_NE(refusal({"--check-config", "--threads", "0"}), "");
}

TEST_F(SettingsTest, HelpNamesEverySettingAndItsDefault) {
  testing::internal::CaptureStdout();
  const auto next = load({"--help"});
  std::fflush(stdout);
  const std::string help = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, Settings::Next::kDone);
  for (const char* text : {"--http", "127.0.0.1:8080", "--max-body", "4MiB", "--wait", "10s",
                           "--threads", "--tls", "--config", "--print-config", "--check-config",
                           "Does it all.", "estadio all", "(--http is\nESTADIO_HTTP)"}) {
    EXPECT_NE(help.find(text), std::string::npos) << text << "\n" << help;
  }
}

TEST(SettingsChoiceTest, AKnownWordIsTakenAndAnUnknownOneGetsTheList) {
  enum class Form { kText, kJson };
  const auto load = [](Form& form, std::string word) {
    Settings settings(
        {.program = "estadio", .command = "all", .about = "", .examples = "", .commands = {"all"}});
    settings.add_choice("form", form, {{"text", Form::kText}, {"json", Form::kJson}}, "the form");
    EXPECT_NE(settings.help().find("--form text|json"), std::string::npos) << settings.help();
    const std::vector<std::string> arguments = {"--form", std::move(word)};
    return settings.load(arguments, [](const std::string&) { return nullptr; });
  };
  Form form = Form::kText;
  EXPECT_TRUE(load(form, "json"));
  EXPECT_EQ(form, Form::kJson);
  const auto refused = load(form, "xml");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("expected one of text|json, got 'xml'"),
            std::string::npos)
      << refused.error().message();
}

}  // namespace
}  // namespace base
