#include "estadio/app/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>

#include "base/files.h"
#include "base/settings.h"
#include "base/units.h"

namespace estadio {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640;

base::Result<base::UniqueFd> lock_folder(const std::string& path) {
  const std::string file = path + "/lock";
  base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!fd) return base::fail(base::Error::from_errno("opening " + file, errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail(base::Error::from_errno("locking " + file, errno));
    return base::fail(base::Code::kAlreadyExists,
                      fmt::format("another process runs a contest in {}", path));
  }
  return fd;
}

std::string contest_file_of(const std::string& path) { return path + "/contest.toml"; }
std::string fixed_file_of(const std::string& path) { return path + "/fixed.toml"; }

base::Result<Contest> own_contest(const std::string& path) {
  if (fs::exists(contest_file_of(path))) return Contest::from_file(contest_file_of(path));
  return Contest::defaults();
}

// The contest in `file`, which becomes the folder's own.
base::Result<Contest> adopt_contest(const std::string& path, const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, base::read_file(file, Contest::kFileBytesMax));
  ASSIGN_OR_RETURN(Contest contest, Contest::from_toml(text, file));
  RETURN_IF_ERROR(base::replace_file(contest_file_of(path), text, kFileMode));
  return contest;
}

// The file has the form of a configuration file.
base::Result<DataFolder::Fixed> read_fixed(const std::string& path) {
  DataFolder::Fixed fixed;
  std::chrono::nanoseconds window{};
  base::Settings settings(
      {.program = "fixed", .command = {}, .about = {}, .examples = {}, .commands = {}});
  settings.add("started-at-ms", fixed.started_at_ms, 0, INT64_MAX, "");
  settings.add("retry-window", window, "");
  settings.add("retry-ids", fixed.rule.ids, 1, INT64_MAX, "");
  const std::vector<std::string> arguments = {"--config", fixed_file_of(path)};
  const auto loaded =
      settings.load(arguments, [](const std::string&) -> const char* { return nullptr; });
  if (!loaded) return base::fail(base::Code::kCorruption, loaded.error().message());
  fixed.rule.window = std::chrono::duration_cast<std::chrono::milliseconds>(window);
  return fixed;
}

RetryRule rule_of(RetryRule rule, const DataFolder::Asked& asked) {
  if (asked.window) {
    rule.window = std::chrono::duration_cast<std::chrono::milliseconds>(*asked.window);
  }
  if (asked.ids) rule.ids = *asked.ids;
  return rule;
}

// Reads what is fixed, or fixes it when the folder is new.
base::Result<DataFolder::Fixed> settle_fixed(const std::string& path,
                                             const DataFolder::Asked& asked, std::int64_t now_ms) {
  if (!fs::exists(fixed_file_of(path))) {
    const DataFolder::Fixed fixed{.started_at_ms = now_ms, .rule = rule_of({}, asked)};
    RETURN_IF_ERROR(base::replace_file(
        fixed_file_of(path),
        fmt::format("started-at-ms = {}\nretry-window = \"{}\"\nretry-ids = {}\n",
                    fixed.started_at_ms, base::format_duration(fixed.rule.window), fixed.rule.ids),
        kFileMode));
    return fixed;
  }
  ASSIGN_OR_RETURN(const DataFolder::Fixed fixed, read_fixed(path));
  const RetryRule wanted = rule_of(fixed.rule, asked);
  if (wanted.window != fixed.rule.window || wanted.ids != fixed.rule.ids) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("{} counts with retry-window {} and retry-ids {}, fixed when it "
                                  "was made; asked for are {} and {}",
                                  path, base::format_duration(fixed.rule.window), fixed.rule.ids,
                                  base::format_duration(wanted.window), wanted.ids));
  }
  return fixed;
}

}  // namespace

base::Result<DataFolder> DataFolder::open(const std::string& path, const Asked& asked,
                                          std::int64_t now_ms) {
  RETURN_IF_ERROR(base::make_folder(path));
  ASSIGN_OR_RETURN(base::UniqueFd lock, lock_folder(path));
  ASSIGN_OR_RETURN(Contest contest, asked.contest_file.empty()
                                        ? own_contest(path)
                                        : adopt_contest(path, asked.contest_file));
  DataFolder folder(path, std::move(contest));
  ASSIGN_OR_RETURN(folder.fixed_, settle_fixed(path, asked, now_ms));
  folder.lock_ = std::move(lock);
  return folder;
}

base::Result<DataFolder> DataFolder::open_to_read(const std::string& path,
                                                  const std::string& contest_file) {
  if (!fs::exists(fixed_file_of(path))) {
    return base::fail(base::Code::kNotFound, fmt::format("there is no contest in {}", path));
  }
  ASSIGN_OR_RETURN(Contest contest,
                   contest_file.empty() ? own_contest(path) : Contest::from_file(contest_file));
  DataFolder folder(path, std::move(contest));
  ASSIGN_OR_RETURN(folder.fixed_, read_fixed(path));
  return folder;
}

}  // namespace estadio
