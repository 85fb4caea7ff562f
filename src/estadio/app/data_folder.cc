#include "estadio/app/data_folder.h"

#include <sys/file.h>

#include <cerrno>
#include <fmt/format.h>

#include "base/files.h"
#include "base/settings.h"
#include "base/units.h"

namespace estadio {
namespace {

constexpr mode_t kFileMode = 0640;

base::Result<base::UniqueFd> lock_folder(const std::string& path) {
  const std::string file = path + "/lock";
  ASSIGN_OR_RETURN(base::UniqueFd fd, base::open_or_create_file(file, kFileMode));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail(base::Error::from_errno("locking " + file, errno));
    return base::fail(base::Code::kAlreadyExists,
                      fmt::format("another process runs a contest in {}", path));
  }
  return fd;
}

std::string contest_file_of(const std::string& path) { return path + "/contest.toml"; }
std::string fixed_file_of(const std::string& path) { return path + "/fixed.toml"; }

std::string seed_file_of(const std::string& path) { return path + "/coin.seed"; }

// The text of contest.toml when no contest file is given.
constexpr std::string_view kDefaultContest =
    "# This file sets nothing, so the contest is the built-in one.\n";

base::Failure refuse_incomplete(const std::string& path, std::string_view has,
                                std::string_view lacks) {
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format(
          "{} holds {} but not {}, which the contest needs: restore it from a copy of the folder",
          path, has, lacks));
}

base::Result<CoinSeed> load_seed(const std::string& path, std::string_view commitment) {
  ASSIGN_OR_RETURN(const bool has_seed, base::exists(seed_file_of(path)));
  if (!has_seed) return refuse_incomplete(path, "a contest", "coin.seed");
  ASSIGN_OR_RETURN(const CoinSeed seed, load_coin_seed(seed_file_of(path)));
  if (Coin(seed).commitment() == commitment) return seed;
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format(
          "{} is not the seed of this contest: its hash differs from the published commitment",
          seed_file_of(path)));
}

// Reads the manifest from coin.seed and from fixed.toml, which has a configuration file's form.
base::Result<ContestManifest> read_manifest(const std::string& path) {
  ContestManifest manifest;
  std::chrono::nanoseconds window{};
  base::Settings settings(
      {.program = "fixed", .command = {}, .about = {}, .examples = {}, .commands = {}});
  settings.add("started-at-ms", manifest.started_at_ms, 0, INT64_MAX, "");
  settings.add("retry-window", window, std::chrono::nanoseconds(0), base::kDurationMax, "");
  settings.add("coin-commitment", manifest.coin_commitment, "TEXT", "");
  const std::vector<std::string> arguments = {"--config", fixed_file_of(path)};
  const auto loaded =
      settings.load(arguments, [](const std::string&) -> const char* { return nullptr; });
  if (!loaded) return base::fail(base::Code::kCorruption, loaded.error().message());
  manifest.retry_window = std::chrono::duration_cast<std::chrono::milliseconds>(window);
  if (manifest.started_at_ms == 0 || manifest.coin_commitment.empty()) {
    return base::fail(
        base::Code::kCorruption,
        fmt::format("{} is incomplete: expected started-at-ms, retry-window and coin-commitment",
                    fixed_file_of(path)));
  }
  ASSIGN_OR_RETURN(manifest.coin_seed, load_seed(path, manifest.coin_commitment));
  return manifest;
}

// Reads contest.toml. A missing file is an error: the default contest must not replace the
// folder's, or a contest that is over would begin again.
base::Result<Contest> own_contest(const std::string& path) {
  ASSIGN_OR_RETURN(const bool has_own, base::exists(contest_file_of(path)));
  if (!has_own) return refuse_incomplete(path, "a contest", "contest.toml");
  ASSIGN_OR_RETURN(const std::string text,
                   base::read_file(contest_file_of(path), Contest::kFileBytesMax));
  if (text.empty()) return refuse_incomplete(path, "a contest", "the text of contest.toml");
  return Contest::from_toml(text, contest_file_of(path));
}

}  // namespace

base::Result<DataFolder> DataFolder::open(const std::string& path, const Asked& asked,
                                          std::int64_t now_ms) {
  RETURN_IF_ERROR(base::make_folder(path));
  ASSIGN_OR_RETURN(base::UniqueFd lock, lock_folder(path));
  ASSIGN_OR_RETURN(const bool is_made, base::exists(fixed_file_of(path)));
  ASSIGN_OR_RETURN(DataFolder folder,
                   is_made ? open_made(path, asked, now_ms) : make(path, asked, now_ms));
  folder.lock_ = std::move(lock);
  return folder;
}

base::Result<DataFolder> DataFolder::make(const std::string& path, const Asked& asked,
                                          std::int64_t now_ms) {
  ASSIGN_OR_RETURN(const bool has_log, base::exists(path + "/log"));
  if (has_log) return refuse_incomplete(path, "a log", "fixed.toml");
  ASSIGN_OR_RETURN(const bool has_score, base::exists(path + "/score"));
  if (has_score) return refuse_incomplete(path, "a score", "fixed.toml");
  std::string text(kDefaultContest);
  if (!asked.contest_file.empty()) {
    ASSIGN_OR_RETURN(text, base::read_file(asked.contest_file, Contest::kFileBytesMax));
  }
  ASSIGN_OR_RETURN(Contest contest, Contest::from_toml(text, asked.contest_file));
  RETURN_IF_ERROR(base::replace_file(contest_file_of(path), text, kFileMode));
  ASSIGN_OR_RETURN(const CoinSeed seed, draw_and_keep_coin_seed(seed_file_of(path)));
  ContestManifest manifest{.started_at_ms = now_ms,
                           .retry_window = asked.retry.of_new_contest(),
                           .coin_commitment = Coin(seed).commitment(),
                           .coin_seed = seed};
  RETURN_IF_ERROR(base::replace_file(
      fixed_file_of(path),
      fmt::format("started-at-ms = {}\nretry-window = \"{}\"\ncoin-commitment = \"{}\"\n",
                  manifest.started_at_ms, base::format_duration(manifest.retry_window),
                  manifest.coin_commitment),
      kFileMode));
  return DataFolder(path, std::move(contest), std::move(manifest));
}

base::Result<DataFolder> DataFolder::open_made(const std::string& path, const Asked& asked,
                                               std::int64_t now_ms) {
  ASSIGN_OR_RETURN(ContestManifest manifest, read_manifest(path));
  if (auto same = asked.retry.check(manifest.retry_window); !same) {
    return base::fail(std::move(same).error().within(path));
  }
  ASSIGN_OR_RETURN(Contest contest, own_contest(path));
  if (!asked.contest_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     base::read_file(asked.contest_file, Contest::kFileBytesMax));
    ASSIGN_OR_RETURN(Contest next, Contest::from_toml(text, asked.contest_file));
    if (auto can = next.can_follow(contest, now_ms); !can) {
      return base::fail(std::move(can).error().within(asked.contest_file));
    }
    RETURN_IF_ERROR(base::replace_file(contest_file_of(path), text, kFileMode));
    contest = std::move(next);
  }
  return DataFolder(path, std::move(contest), std::move(manifest));
}

base::Result<DataFolder> DataFolder::open_to_read(const std::string& path,
                                                  const std::string& contest_file) {
  ASSIGN_OR_RETURN(const bool is_made, base::exists(fixed_file_of(path)));
  if (!is_made) {
    return base::fail(base::Code::kNotFound, fmt::format("there is no contest in {}", path));
  }
  ASSIGN_OR_RETURN(Contest contest,
                   contest_file.empty() ? own_contest(path) : Contest::from_file(contest_file));
  ASSIGN_OR_RETURN(ContestManifest manifest, read_manifest(path));
  return DataFolder(path, std::move(contest), std::move(manifest));
}

base::Result<DataFolder> DataFolder::open_to_repair(const std::string& path,
                                                    const std::string& contest_file) {
  // Before the lock makes its file: there may be no contest.
  RETURN_IF_ERROR(open_to_read(path, contest_file));
  ASSIGN_OR_RETURN(base::UniqueFd lock, lock_folder(path));
  ASSIGN_OR_RETURN(DataFolder folder, open_to_read(path, contest_file));
  folder.lock_ = std::move(lock);
  return folder;
}

}  // namespace estadio
