// Where the score in Redis is: the settings that all roles that use it share.
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

  // The password is read from its file when the settings are checked; `settings` must not be used
  // longer than this lives.
  void add_to(base::Settings& settings);
  // What the settings must fulfil together, and that the authorities' file can be used.
  [[nodiscard]] base::Result<void> check() const;
  // REQUIRES: the settings are loaded.
  [[nodiscard]] RedisScoreBook::Options to_book() const;

 private:
  base::Result<void> read_password();

  std::string password_;  // as the file has it
};

}  // namespace estadio
