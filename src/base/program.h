// A program of several commands: its help, and the choice of the command to run.
//
// Threads: belongs to the main thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/settings.h"

namespace base {

// Exit statuses, as the READMEs document them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the work failed, or a difference was found
inline constexpr int kExitUsage = 2;   // the command line or configuration is wrong

using Arguments = std::span<const std::string>;

// run() reads its settings, does the command's work and returns an exit status.
struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments arguments);
};

struct Program {
  std::string_view name;
  std::string_view version;
  std::string_view description;  // may have several lines
  std::string_view examples;     // command lines to try, one per line
  std::span<const Command> commands;

  // Runs the command that the first argument names. Returns its exit status, or kExitFailed when
  // standard output could not be written. Ignores SIGXFSZ, so that a write beyond the limit on the
  // size of files fails with EFBIG.
  [[nodiscard]] int run(int argc, char** argv) const;

  // Returns the settings of one of the commands.
  [[nodiscard]] Settings settings_for(std::string command, std::string summary,
                                      std::string command_examples) const;

  // Loads the settings from all layers and prints their error. Returns an exit status when the
  // command must end now, else nothing.
  [[nodiscard]] std::optional<int> load_settings(Settings& settings, Arguments arguments) const;

  // Prints "NAME: message" on standard error. Prints nothing when standard error takes no bytes for
  // two seconds.
  void print_error(std::string_view message) const;

  // Prints the error and returns the exit status for it: kExitUsage when the user must change the
  // command line, the configuration or the files that they name; else kExitFailed.
  [[nodiscard]] int print_failure(const Error& error) const;

 private:
  [[nodiscard]] std::string usage() const;
  [[nodiscard]] int run_command(Arguments arguments) const;
  [[nodiscard]] int failed(const std::string& why) const;
};

}  // namespace base
