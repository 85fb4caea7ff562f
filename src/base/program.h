// A program of several commands: what it says of itself, and which of them is run.
//
// Threads: of the main thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"

namespace base {

// Exit statuses, as the READMEs document them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the work failed, or a difference was found
inline constexpr int kExitUsage = 2;   // the command line or configuration is wrong

using Arguments = std::span<const std::string>;

// Each reads its own settings, wires its parts and gives an exit status.
struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments arguments);
};

struct Program {
  std::string_view name;
  std::string_view version;
  std::string_view about;  // what it does, in lines
  std::string_view trial;  // a first few command lines, in lines
  std::span<const Command> commands;

  // Runs the command that is named first. Gives its exit status; a report that could not be written
  // is no success.
  [[nodiscard]] int run(int argc, char** argv) const;

  // Settings of one of the commands.
  [[nodiscard]] Settings settings_for(std::string command, std::string summary,
                                      std::string examples) const;

  // Loads the settings from all layers; prints what is wrong. The exit status when the command is
  // not to go on, else nothing.
  [[nodiscard]] std::optional<int> load_settings(Settings& settings, Arguments arguments) const;

  // "NAME: message" on standard error.
  void print_error(std::string_view message) const;

 private:
  [[nodiscard]] std::string usage() const;
  [[nodiscard]] int run_command(Arguments arguments) const;
  [[nodiscard]] int not_written(const std::string& why) const;
};

}  // namespace base
