// The folder of a contest on one machine:
//
//   lock            held by the process that runs the contest
//   contest.toml    the contest as last configured
//   fixed.toml      the contest's manifest without the coin's seed; written last, so that a folder
//                   with this file is complete
//   coin.seed       the coin's seed, a secret
//   log/            the event log
//   score/          the score book
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/manifest.h"

namespace estadio {

class DataFolder {
 public:
  struct Asked {
    std::string contest_file;  // empty: the folder's own, or the default one
    RetryOptions retry;
  };

  // Makes the folder when it is missing, and locks it for this process. A contest in the folder
  // does not change when open() fails. A folder without fixed.toml holds no contest yet. Then
  // open() draws a new seed and replaces a coin.seed that is there. That file comes from a start
  // that was killed, or from another user, who then knows the seed.
  // Errors: kAlreadyExists when another process runs a contest in it; kFailedPrecondition when the
  // retry window differs from the folder's, the contest asked for cannot follow the folder's, a
  // part is missing, or the seed is another contest's; kCorruption when fixed.toml is damaged;
  // those of the contest's file.
  [[nodiscard]] static base::Result<DataFolder> open(const std::string& path, const Asked& asked,
                                                     std::int64_t now_ms);

  // Opens the folder without the lock, while a process runs the contest or later. Changes no file.
  // Uses the folder's own contest when `contest_file` is empty.
  // Errors: kNotFound when there is no contest in it; those of open() for damaged or missing parts.
  [[nodiscard]] static base::Result<DataFolder> open_to_read(const std::string& path,
                                                             const std::string& contest_file);

  // As open_to_read(), but locks the folder for this process. Further error: kAlreadyExists when
  // another process runs a contest in it.
  [[nodiscard]] static base::Result<DataFolder> open_to_repair(const std::string& path,
                                                               const std::string& contest_file);

  [[nodiscard]] const Contest& contest() const { return contest_; }
  // With the coin's seed.
  [[nodiscard]] const ContestManifest& manifest() const { return manifest_; }
  [[nodiscard]] std::string log_folder() const { return path_ + "/log"; }
  [[nodiscard]] std::string score_folder() const { return path_ + "/score"; }

 private:
  DataFolder(std::string path, Contest contest, ContestManifest manifest)
      : path_(std::move(path)), contest_(std::move(contest)), manifest_(std::move(manifest)) {
    manifest_.partitions = contest_.partitions();
  }

  static base::Result<DataFolder> make(const std::string& path, const Asked& asked,
                                       std::int64_t now_ms);
  static base::Result<DataFolder> open_made(const std::string& path, const Asked& asked,
                                            std::int64_t now_ms);

  std::string path_;
  Contest contest_;
  ContestManifest manifest_;
  base::UniqueFd lock_;
};

}  // namespace estadio
