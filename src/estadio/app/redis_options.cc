#include "estadio/app/redis_options.h"

#include <fmt/format.h>
#include <string_view>

#include "base/files.h"

namespace estadio {
namespace {

constexpr std::size_t kPasswordBytesMax = 4096;
// RedisUrl::to_string() shows this in place of a password.
constexpr std::string_view kHidden = "***";

}  // namespace

void RedisOptions::add_to(base::Settings& settings) {
  settings.add_parsed(
      "redis", "URL",
      "server of the score: redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], rediss:// over TLS, "
      "unix:///PATH[?db=N]",
      [this](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(url, RedisUrl::parse(text));
        return {};
      },
      [this] { return url.to_string(); });
  settings.add(
      "redis-password-file", password_file, "FILE",
      "file of the server's password; keeps it out of the command line and the environment");
  settings.add("redis-ca", ca_file, "FILE",
               "authorities of the server's certificate (PEM); default: the system's");
  settings.add("redis-prefix", prefix, "TEXT",
               "start of the names of all keys; each contest needs its own");
  settings.add_check([this] { return read_password(); });
}

base::Result<void> RedisOptions::read_password() {
  password_.clear();
  if (password_file.empty()) return {};
  constexpr std::string_view kSetting = "redis-password-file";
  auto text = base::read_file(password_file, kPasswordBytesMax);
  if (!text) return base::fail(std::move(text).error().within(kSetting));
  // An editor adds the line's end. It is no part of the password.
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty()) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("{}: {} holds no password", kSetting, password_file));
  }
  password_ = *std::move(text);
  return {};
}

base::Result<void> RedisOptions::check() const {
  if (url.password == kHidden) {
    return base::fail(base::Code::kInvalidArgument,
                      "redis: this URL was printed with *** in place of its password: name a file "
                      "of the password with redis-password-file");
  }
  if (auto fits = to_book().check(); !fits) {
    return base::fail(std::move(fits).error().within("redis"));
  }
  return {};
}

RedisScoreBook::Options RedisOptions::to_book() const {
  RedisScoreBook::Options options;
  options.url = url;
  options.password = password_;
  options.ca_file = ca_file;
  options.prefix = prefix;
  return options;
}

}  // namespace estadio
