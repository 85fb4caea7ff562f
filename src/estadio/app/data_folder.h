// The folder that a contest on one machine lives in:
//
//   lock            held by the process that runs the contest
//   contest.toml    the contest as last configured
//   fixed.toml      when the contest began, and how far retries are told from new entries: fixed
//                   when the folder is made, because count and proof must follow one rule;
//                   written last, so that a folder that has it is whole
//   coin.seed       the coin's secret
//   log/            the event log
//   score/          the score book
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/terms.h"

namespace estadio {

class DataFolder {
 public:
  struct Asked {
    std::string contest_file;  // empty: the folder's own, or the default
    RetryOptions retry;
  };

  // Makes the folder when it is not there, and locks it for this process. Nothing in it changes
  // when it is refused.
  // Errors: kAlreadyExists when another process runs a contest in it; kFailedPrecondition when
  // the rule asked for is not the folder's, its contest cannot go on as the one asked for, or a
  // part of it is missing.
  [[nodiscard]] static base::Result<DataFolder> open(const std::string& path, const Asked& asked,
                                                     std::int64_t now_ms);

  // Beside the process that runs the contest, or after it. Errors: kNotFound.
  [[nodiscard]] static base::Result<DataFolder> open_to_read(const std::string& path,
                                                             const std::string& contest_file);

  [[nodiscard]] const Contest& contest() const { return contest_; }
  [[nodiscard]] const RetryRule& rule() const { return fixed_.rule; }
  [[nodiscard]] std::int64_t started_at_ms() const { return fixed_.started_at_ms; }
  [[nodiscard]] const CoinSeed& seed() const { return seed_; }
  [[nodiscard]] std::string log_folder() const { return path_ + "/log"; }
  [[nodiscard]] std::string score_folder() const { return path_ + "/score"; }

  // What does not change after the folder was made.
  struct Fixed {
    std::int64_t started_at_ms = 0;
    RetryRule rule;
    std::string coin_commitment;  // of coin.seed, so that no other one passes for it
  };

 private:
  DataFolder(std::string path, Contest contest, const Fixed& fixed, const CoinSeed& seed)
      : path_(std::move(path)), contest_(std::move(contest)), fixed_(fixed), seed_(seed) {}

  static base::Result<DataFolder> make(const std::string& path, const Asked& asked,
                                       std::int64_t now_ms);
  static base::Result<DataFolder> open_made(const std::string& path, const Asked& asked,
                                            std::int64_t now_ms);

  std::string path_;
  Contest contest_;
  Fixed fixed_;
  CoinSeed seed_;
  base::UniqueFd lock_;
};

}  // namespace estadio
