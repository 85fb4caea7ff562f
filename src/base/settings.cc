#include "base/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <toml++/toml.h>

#include "base/files.h"
#include "base/json.h"
#include "base/units.h"

namespace base {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

// Returns Levenshtein's distance, for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

constexpr std::size_t kHelpColumns = 100;
constexpr std::size_t kHelpIndent = 32;

// Wraps the text into lines of at most `columns` bytes. Indents all but the first. Ends with a
// newline.
std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent) {
  std::string lines;
  while (text.size() > columns) {
    auto space = text.rfind(' ', columns);
    if (space == std::string_view::npos) space = std::min(text.find(' '), text.size());
    lines += fmt::format("{}\n{:{}}", text.substr(0, space), "", indent);
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return lines + std::string(text) + "\n";
}

// Returns a TOML scalar as the text of a flag; nothing for arrays and tables.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

}  // namespace

Settings::Settings(Description description) : description_(std::move(description)) {}

void Settings::add(std::string name, std::string& target, std::string value, std::string help) {
  settings_.push_back({.name = std::move(name),
                       .value = std::move(value),
                       .help = std::move(help),
                       .kind = Kind::kText,
                       .parse = [&target](std::string_view text) -> Result<void> {
                         target = text;
                         return {};
                       },
                       .format = [&target] { return target; }});
}

void Settings::add(std::string name, Bytes& target, std::string help) {
  add_parsed(
      std::move(name), "SIZE", std::move(help),
      [&target](std::string_view text) -> Result<void> {
        ASSIGN_OR_RETURN(target.count, parse_bytes(text));
        return {};
      },
      [&target] { return format_bytes(target.count); });
}

void Settings::add(std::string name, std::chrono::nanoseconds& target,
                   std::chrono::nanoseconds least, std::chrono::nanoseconds most,
                   std::string help) {
  add_parsed(
      std::move(name), "TIME", std::move(help),
      [&target, least, most](std::string_view text) -> Result<void> {
        ASSIGN_OR_RETURN(target, parse_duration(text, least, most));
        return {};
      },
      [&target] { return format_duration(target); });
}

void Settings::add(std::string name, std::int64_t& target, std::int64_t least, std::int64_t most,
                   std::string help) {
  settings_.push_back({.name = std::move(name),
                       .value = "N",
                       .help = std::move(help),
                       .kind = Kind::kNumber,
                       .parse = [&target, least, most](std::string_view text) -> Result<void> {
                         ASSIGN_OR_RETURN(target, parse_integer(text, least, most));
                         return {};
                       },
                       .format = [&target] { return fmt::format("{}", target); }});
}

void Settings::add(std::string name, bool& target, std::string help) {
  settings_.push_back({.name = std::move(name),
                       .value = "",
                       .help = std::move(help),
                       .kind = Kind::kFlag,
                       .parse = [&target](std::string_view text) -> Result<void> {
                         if (text != "true" && text != "false") {
                           return fail(Code::kInvalidArgument,
                                       fmt::format("expected true or false, got '{}'", text));
                         }
                         target = text == "true";
                         return {};
                       },
                       .format = [&target] { return target ? "true" : "false"; }});
}

void Settings::add_words(std::string name, std::vector<std::string_view> words, std::string help,
                         std::function<void(std::size_t)> choose,
                         std::function<std::size_t()> chosen) {
  std::string shown = fmt::format("{}", fmt::join(words, "|"));
  add_parsed(
      std::move(name), shown, std::move(help),
      [words, shown, choose = std::move(choose)](std::string_view text) -> Result<void> {
        const auto found = std::ranges::find(words, text);
        if (found == words.end()) {
          return fail(Code::kInvalidArgument,
                      fmt::format("expected one of {}, got '{}'", shown, text));
        }
        choose(static_cast<std::size_t>(found - words.begin()));
        return {};
      },
      [words, chosen = std::move(chosen)] { return std::string(words.at(chosen())); });
}

void Settings::add_positional(std::string name, std::string& target, std::string help) {
  add(std::move(name), target, "", std::move(help));
  settings_.back().kind = Kind::kPositional;
}

void Settings::add_parsed(std::string name, std::string value, std::string help,
                          std::function<Result<void>(std::string_view)> parse,
                          std::function<std::string()> format) {
  settings_.push_back({.name = std::move(name),
                       .value = std::move(value),
                       .help = std::move(help),
                       .kind = Kind::kText,
                       .parse = std::move(parse),
                       .format = std::move(format)});
}

const Settings::Setting* Settings::find(std::string_view name) const {
  const auto found = std::ranges::find(settings_, name, &Setting::name);
  return found == settings_.end() || found->kind == Kind::kPositional ? nullptr : &*found;
}

std::string Settings::variable_of(std::string_view name) const {
  std::string variable = fmt::format("{}_{}", description_.program, name);
  std::ranges::replace(variable, '-', '_');
  std::ranges::transform(variable, variable.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return variable;
}

Result<void> Settings::set(const Setting& setting, std::string_view text, std::string_view origin) {
  if (auto result = setting.parse(text); !result) {
    return fail(std::move(result).error().within(fmt::format("{}: {}", origin, setting.name)));
  }
  return {};
}

Result<void> Settings::load_file(const std::string& path) {
  toml::table file;
  // Read the file once: it may be a pipe.
  const auto bytes = read_file(path, kFileBytesMax);
  if (!bytes) return fail(Code::kInvalidArgument, bytes.error().message());
  try {
    file = toml::parse(*bytes, path);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return fail(Code::kInvalidArgument,
                fmt::format("{}:{}:{}: {}", path, at.line, at.column, error.description()));
  }
  const auto apply = [&](const toml::table& table) -> Result<void> {
    for (const auto& [key, node] : table) {
      const auto place = [&](const toml::source_region& region) {
        return fmt::format("{}:{}:{}", path, region.begin.line, region.begin.column);
      };
      const std::string origin = place(node.source());
      const bool is_command = std::ranges::count(description_.commands, key.str()) > 0;
      if (node.is_table() && is_command) continue;
      const Setting* setting = find(key.str());
      if (setting == nullptr) {
        std::string message = fmt::format("{}: unknown key '{}'", place(key.source()), key.str());
        const auto nearest = std::ranges::min_element(settings_, {}, [&](const Setting& candidate) {
          // A positional argument is no key: never suggest it.
          return candidate.kind == Kind::kPositional ? SIZE_MAX
                                                     : edit_distance(candidate.name, key.str());
        });
        if (nearest != settings_.end() && nearest->kind != Kind::kPositional &&
            edit_distance(nearest->name, key.str()) <=
                std::min<std::size_t>(3, key.str().size() / 2)) {
          message += fmt::format("; did you mean '{}'?", nearest->name);
        }
        return fail(Code::kInvalidArgument, std::move(message));
      }
      const auto text = scalar_text(node);
      if (!text) {
        return fail(Code::kInvalidArgument,
                    fmt::format("{}: {}: expected one value, got a table or an array", origin,
                                setting->name));
      }
      RETURN_IF_ERROR(set(*setting, *text, origin));
    }
    return {};
  };
  RETURN_IF_ERROR(apply(file));
  if (const auto* own = file[description_.command].as_table()) RETURN_IF_ERROR(apply(*own));
  return {};
}

Result<void> Settings::load_environment(const Environment& environment) {
  for (const Setting& setting : settings_) {
    if (setting.kind == Kind::kPositional) continue;
    const std::string variable = variable_of(setting.name);
    if (const char* value = environment(variable)) {
      RETURN_IF_ERROR(set(setting, value, "environment variable " + variable));
    }
  }
  return {};
}

// The command line, as CLI11 reads it. It is parsed first, for --config and --help, and its values
// are set last.
class Settings::CommandLine {
 public:
  explicit CommandLine(const std::vector<Setting>& settings) : given_(settings.size()) {
    for (std::size_t i = 0; i < settings.size(); ++i) options_.push_back(add(settings[i], i));
    app_.add_option("--config", config_);
    app_.add_flag("--print-config", is_to_print_);
    app_.add_flag("--check-config", is_to_check_);
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Throws CLI::ParseError, also for --help.
  void parse(std::span<const std::string> arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app_.parse(std::move(reversed));
  }

  // Returns the text given for a setting, by its index. Returns null when it was not given.
  [[nodiscard]] const std::string* value(std::size_t index) const {
    return options_[index]->count() > 0 ? &given_[index] : nullptr;
  }
  [[nodiscard]] const std::string& config() const { return config_; }
  [[nodiscard]] bool is_to_print() const { return is_to_print_; }
  [[nodiscard]] bool is_to_check() const { return is_to_check_; }

 private:
  CLI::Option* add(const Setting& setting, std::size_t index) {
    std::string& given = given_[index];
    if (setting.kind == Kind::kPositional) return app_.add_option(setting.name, given)->required();
    if (setting.kind != Kind::kFlag) {
      return app_.add_option("--" + setting.name, given)->take_last();
    }
    const std::string names = fmt::format("--{0}{{true}},--no-{0}{{false}}", setting.name);
    const auto set = [&given](std::int64_t count) { given = count > 0 ? "true" : "false"; };
    return app_.add_flag_function(names, set)->take_last();
  }

  CLI::App app_;
  std::vector<std::string> given_;     // by setting; CLI11 has their addresses
  std::vector<CLI::Option*> options_;  // by setting
  std::string config_;
  bool is_to_print_ = false;
  bool is_to_check_ = false;
};

Result<Settings::Next> Settings::parse(CommandLine& line, std::span<const std::string> arguments) {
  try {
    line.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", help());
    return Next::kDone;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();
    return fail(Code::kInvalidArgument,
                fmt::format("{}: expected one value", what.substr(0, what.find(':'))));
  } catch (const CLI::ParseError& error) {
    return fail(Code::kInvalidArgument, fmt::format("{} (see '{} {} --help')", error.what(),
                                                    description_.program, description_.command));
  }
  return Next::kRun;
}

Result<void> Settings::load_layers(const CommandLine& line, const Environment& environment) {
  std::string config = line.config();
  if (config.empty()) {
    const char* from_environment = environment(variable_of("config"));
    if (from_environment != nullptr) config = from_environment;
  }
  if (!config.empty()) RETURN_IF_ERROR(load_file(config));
  RETURN_IF_ERROR(load_environment(environment));
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (const std::string* value = line.value(i)) {
      RETURN_IF_ERROR(set(settings_[i], *value, "command line"));
    }
  }
  return {};
}

Result<Settings::Next> Settings::load(std::span<const std::string> arguments,
                                      const Environment& environment) {
  CommandLine line(settings_);
  ASSIGN_OR_RETURN(const Next next, parse(line, arguments));
  if (next == Next::kDone) return next;
  RETURN_IF_ERROR(load_layers(line, environment));
  if (line.is_to_print()) {
    fmt::print("{}", to_toml());
    return Next::kDone;
  }
  for (const auto& fulfilled : checks_) RETURN_IF_ERROR(fulfilled());
  if (line.is_to_check()) {
    fmt::print("configuration ok\n");
    return Next::kDone;
  }
  return Next::kRun;
}

std::string Settings::help() const {
  std::string positionals;
  std::string lines;
  const auto add = [&lines](const std::string& left, std::string_view right) {
    lines += fmt::format("  {:<30}", left);
    if (left.size() > 29) lines += fmt::format("\n{:32}", "");
    lines += wrapped(right, kHelpColumns - kHelpIndent, kHelpIndent);
  };
  for (const Setting& setting : settings_) {
    if (setting.kind != Kind::kPositional) continue;
    positionals += " " + setting.name;
    add(setting.name, setting.help);
  }
  for (const Setting& setting : settings_) {
    if (setting.kind == Kind::kPositional) continue;
    const std::string initial = setting.kind == Kind::kFlag ? "" : setting.format();
    const std::string left =
        fmt::format("--{}{}{}", setting.name, setting.value.empty() ? "" : " ", setting.value);
    add(left, initial.empty() ? setting.help : fmt::format("{} [{}]", setting.help, initial));
  }
  add("--config FILE", "a TOML file with any of these keys");
  add("--print-config", "print the settings as TOML and exit");
  add("--check-config", "check the settings and exit");
  add("--help", "print this help and exit");
  const auto flag = std::ranges::find_if(
      settings_, [](const Setting& setting) { return setting.kind != Kind::kPositional; });
  const std::string example = flag == settings_.end() ? "config" : flag->name;
  return fmt::format(
      "{}\n\nUsage: {} {}{} [flags]\n\n{}\nSIZE is a number with B, KiB, MiB, GiB, kB, MB or GB. "
      "TIME is a number with ns, us, ms, s, m or h.\nEvery flag is also a key of the --config file "
      "and a variable of the environment (--{} is\n{}). Flags override variables, and variables "
      "override the file. When a flag is\ngiven twice, the last one counts.\n\nExamples:\n{}",
      description_.about, description_.program, description_.command, positionals, lines, example,
      variable_of(example), description_.examples);
}

std::string Settings::to_toml() const {
  std::string toml;
  for (const Setting& setting : settings_) {
    if (setting.kind == Kind::kPositional) continue;
    std::string value = setting.format();
    if (setting.kind == Kind::kText) {
      std::string quoted;
      append_json_string(quoted, value);  // a TOML basic string escapes as JSON does, and DEL too
      for (auto at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f', at)) {
        quoted.replace(at, 1, "\\u007f");
      }
      value = std::move(quoted);
    }
    toml += fmt::format("{} = {}  # {}\n", setting.name, value, setting.help);
  }
  return toml;
}

}  // namespace base
