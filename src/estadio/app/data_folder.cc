#include "estadio/app/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "base/settings.h"
#include "base/units.h"

namespace estadio {
namespace {

namespace fs = std::filesystem;

// Written aside, synced and renamed: there whole or not at all.
base::Result<void> write_file(const std::string& path, const std::string& text) {
  const std::string aside = path + ".new";
  const base::UniqueFd fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(fd.get()) != 0 ||
      ::rename(aside.c_str(), path.c_str()) != 0) {
    return base::fail(base::Error::from_errno("writing " + path, errno));
  }
  return {};
}

base::Result<base::UniqueFd> lock_folder(const std::string& path) {
  const std::string file = path + "/lock";
  base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd) return base::fail(base::Error::from_errno("opening " + file, errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail(base::Error::from_errno("locking " + file, errno));
    return base::fail(base::Code::kAlreadyExists, fmt::format("another process runs a contest in {}", path));
  }
  return fd;
}

std::string contest_file_of(const std::string& path) { return path + "/contest.toml"; }
std::string rule_file_of(const std::string& path) { return path + "/rule.toml"; }

base::Result<Contest> read_contest(const std::string& path, const std::string& asked_file) {
  if (!asked_file.empty()) return Contest::from_file(asked_file);
  if (fs::exists(contest_file_of(path))) return Contest::from_file(contest_file_of(path));
  return Contest::defaults();
}

// The rule kept in the folder; the file has the form of a configuration file.
base::Result<RetryRule> read_rule(const std::string& path) {
  std::chrono::nanoseconds window{};
  RetryRule rule;
  base::Settings settings({.program = "rule", .command = {}, .about = {}, .examples = {}, .commands = {}});
  settings.add("retry-window", window, "");
  settings.add("retry-ids", rule.ids, 1, INT64_MAX, "");
  const std::vector<std::string> arguments = {"--config", rule_file_of(path)};
  const auto loaded = settings.load(arguments, [](const std::string&) -> const char* { return nullptr; });
  if (!loaded) return base::fail(base::Code::kCorruption, loaded.error().message());
  rule.window = std::chrono::duration_cast<std::chrono::milliseconds>(window);
  return rule;
}

base::Result<RetryRule> settle_rule(const std::string& path, const DataFolder::Asked& asked) {
  RetryRule wanted;
  const bool is_new = !fs::exists(rule_file_of(path));
  if (!is_new) {
    ASSIGN_OR_RETURN(wanted, read_rule(path));
  }
  const RetryRule kept = wanted;
  if (asked.window) wanted.window = std::chrono::duration_cast<std::chrono::milliseconds>(*asked.window);
  if (asked.ids) wanted.ids = *asked.ids;
  if (is_new) {
    RETURN_IF_ERROR(write_file(rule_file_of(path), fmt::format("retry-window = \"{}\"\nretry-ids = {}\n",
                                                               base::format_duration(wanted.window), wanted.ids)));
  } else if (wanted.window != kept.window || wanted.ids != kept.ids) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("{} counts with retry-window {} and retry-ids {}, fixed when it was made; asked for are {} and {}",
                                  path, base::format_duration(kept.window), kept.ids, base::format_duration(wanted.window), wanted.ids));
  }
  return wanted;
}

}  // namespace

base::Result<DataFolder> DataFolder::open(const std::string& path, const Asked& asked) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return base::fail(base::Error::from_errno("making the data folder " + path, error.value()));
  ASSIGN_OR_RETURN(base::UniqueFd lock, lock_folder(path));
  ASSIGN_OR_RETURN(Contest contest, read_contest(path, asked.contest_file));
  if (!asked.contest_file.empty()) {
    std::stringstream text;
    text << std::ifstream(asked.contest_file, std::ios::binary).rdbuf();
    RETURN_IF_ERROR(write_file(contest_file_of(path), text.str()));
  }
  DataFolder folder(path, std::move(contest));
  ASSIGN_OR_RETURN(folder.rule_, settle_rule(path, asked));
  folder.lock_ = std::move(lock);
  return folder;
}

base::Result<DataFolder> DataFolder::open_to_read(const std::string& path, const std::string& contest_file) {
  if (!fs::exists(rule_file_of(path))) {
    return base::fail(base::Code::kNotFound, fmt::format("there is no contest in {}", path));
  }
  ASSIGN_OR_RETURN(Contest contest, read_contest(path, contest_file));
  DataFolder folder(path, std::move(contest));
  ASSIGN_OR_RETURN(folder.rule_, read_rule(path));
  return folder;
}

}  // namespace estadio
