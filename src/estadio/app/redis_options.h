// The settings of Redis, shared by all roles that use it.
//
// Threads: values.
#pragma once

#include <string>

#include "base/result.h"
#include "base/settings.h"
#include "estadio/score/redis_score_book.h"
#include "estadio/score/redis_url.h"

namespace estadio {

struct RedisOptions {
  RedisUrl url = {.host = "127.0.0.1", .unix_path = {}, .user = {}, .password = {}};
  std::string password_file;  // empty: the password is in the URL, or there is none
  std::string ca_file;        // empty: the system's authorities
  std::string prefix = RedisScoreBook::Options().prefix;

  // Adds the settings, and a check that reads the password's file. This object must outlive
  // `settings`.
  void add_to(base::Settings& settings);
  // Checks the settings against each other, and the authorities' file.
  [[nodiscard]] base::Result<void> check() const;
  // Returns the options of the score book. REQUIRES: the settings are loaded.
  [[nodiscard]] RedisScoreBook::Options to_book() const;

 private:
  base::Result<void> read_password();

  std::string password_;  // from password_file
};

}  // namespace estadio
