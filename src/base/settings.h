// The settings of one command. Each is declared once. They are read from a TOML file, then the
// environment, then the command line. A later layer overrides an earlier one.
//
//   Settings settings({.program = "estadio", .command = "all", .about = "..."});
//   settings.add("http", options.http, "ADDR", "address to listen on");
//   ASSIGN_OR_RETURN(const auto next, settings.load(arguments, environment));
//
// A setting `max-body` is the flag --max-body, the TOML key `max-body` (at the top of the file or
// in a table named after the command) and the variable ESTADIO_MAX_BODY. An error names the
// setting, its place (file, line and column) and the expected value.
//
// Threads: belongs to one thread; used at the start of a process.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace base {

// A number of bytes, written "64MiB".
struct Bytes {
  std::uint64_t count = 0;
};

class Settings {
 public:
  struct Description {
    std::string program;                // "estadio"; also the prefix of the environment's variables
    std::string command;                // "all"
    std::string about;                  // one sentence on the command
    std::string examples;               // shown under the flags, one per line
    std::vector<std::string> commands;  // all names; load() accepts their tables in the file
  };

  // The caller's next step after a successful load: run the command, or exit.
  enum class Next { kRun, kDone };

  // Returns the value of an environment variable; null when it is not set.
  using Environment = std::function<const char*(const std::string& name)>;

  explicit Settings(Description description);

  // Adds a setting. `target` holds the default and must outlive this object. `value` names the
  // value in the help ("ADDR"). The range from `least` to `most` is inclusive.
  void add(std::string name, std::string& target, std::string value, std::string help);
  void add(std::string name, Bytes& target, std::string help);
  void add(std::string name, std::chrono::nanoseconds& target, std::chrono::nanoseconds least,
           std::chrono::nanoseconds most, std::string help);
  void add(std::string name, std::int64_t& target, std::int64_t least, std::int64_t most,
           std::string help);
  void add(std::string name, bool& target, std::string help);

  // Adds a setting that takes one of a few words. REQUIRES: `choices` has the target's value.
  template <class Value>
  void add_choice(std::string name, Value& target,
                  std::type_identity_t<std::vector<std::pair<std::string_view, Value>>> choices,
                  std::string help);

  // Adds an argument without a flag. Only the command line can give it.
  void add_positional(std::string name, std::string& target, std::string help);

  // Adds a setting of any other type. `parse` sets the target; `format` returns its value as text.
  void add_parsed(std::string name, std::string value, std::string help,
                  std::function<Result<void>(std::string_view)> parse,
                  std::function<std::string()> format);

  // Adds a check of several settings. load() calls it after reading all settings, except for
  // --print-config.
  void add_check(std::function<Result<void>()> check) { checks_.push_back(std::move(check)); }

  // Reads all layers into the targets. `arguments` are those after the command's name. For --help,
  // --print-config and --check-config, prints to standard output and returns kDone.
  // Errors: kInvalidArgument.
  [[nodiscard]] Result<Next> load(std::span<const std::string> arguments,
                                  const Environment& environment);

  // Returns the current values as the text of a TOML file for --config.
  [[nodiscard]] std::string to_toml() const;

  // Returns the text of --help. It shows the targets' current values as the defaults.
  [[nodiscard]] std::string help() const;

 private:
  class CommandLine;
  enum class Kind { kText, kNumber, kFlag, kPositional };
  struct Setting {
    std::string name;
    std::string value;
    std::string help;
    Kind kind;
    std::function<Result<void>(std::string_view)> parse;
    std::function<std::string()> format;
  };

  // `choose` and `chosen` use the index of a word.
  void add_words(std::string name, std::vector<std::string_view> words, std::string help,
                 std::function<void(std::size_t)> choose, std::function<std::size_t()> chosen);
  Result<void> set(const Setting& setting, std::string_view text, std::string_view origin);
  // Reads the command line into `line`. Prints the help when that is asked for.
  Result<Next> parse(CommandLine& line, std::span<const std::string> arguments);
  // Sets the values of the file, then of the environment, then of the command line.
  Result<void> load_layers(const CommandLine& line, const Environment& environment);
  Result<void> load_file(const std::string& path);
  Result<void> load_environment(const Environment& environment);
  [[nodiscard]] const Setting* find(std::string_view name) const;
  // Returns the environment variable of a setting: ESTADIO_MAX_BODY for max-body.
  [[nodiscard]] std::string variable_of(std::string_view name) const;

  Description description_;
  std::vector<Setting> settings_;
  std::vector<std::function<Result<void>()>> checks_;
};

template <class Value>
void Settings::add_choice(
    std::string name, Value& target,
    std::type_identity_t<std::vector<std::pair<std::string_view, Value>>> choices,
    std::string help) {
  std::vector<std::string_view> words;
  std::vector<Value> values;
  for (const auto& [word, value] : choices) {
    words.push_back(word);
    values.push_back(value);
  }
  add_words(
      std::move(name), std::move(words), std::move(help),
      [&target, values](std::size_t index) { target = values[index]; },
      [&target, values] {
        return static_cast<std::size_t>(std::ranges::find(values, target) - values.begin());
      });
}

}  // namespace base
