#include "estadio/score/redis_keyspace.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "estadio/score/score_encoding.h"

namespace estadio {
namespace {

constexpr std::size_t kQuotedBytesMax = 100;

RedisClient::Options client_options(const RedisKeyspace& keyspace) {
  RedisClient::Options options{.url = keyspace.url,
                               .ca_file = keyspace.ca_file,
                               .connect_timeout = keyspace.connect_timeout,
                               .command_timeout = keyspace.command_timeout};
  if (!keyspace.password.empty()) options.url.password = keyspace.password;
  return options;
}

}  // namespace

base::Result<void> RedisKeyspace::check() const {
  const auto is_good = [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           (each >= '0' && each <= '9') || each == '.' || each == '_' || each == '-';
  };
  if (prefix.empty() || prefix.size() > kPrefixBytesMax || !std::ranges::all_of(prefix, is_good)) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("the keys' prefix must be 1 to {} letters, digits, '.', '_' or "
                                  "'-', got '{}'",
                                  kPrefixBytesMax, prefix.substr(0, kQuotedBytesMax)));
  }
  if (!password.empty() && !url.password.empty()) {
    return base::fail(base::Code::kInvalidArgument,
                      "Redis's URL has a password, and so has the password file: use one of them");
  }
  if (password.empty() && url.password.empty() && !url.user.empty()) {
    return base::fail(
        base::Code::kInvalidArgument,
        fmt::format("the user '{}' of Redis's URL needs a password, in the URL or in a file",
                    url.user));
  }
  RETURN_IF_ERROR(RedisClient::load_tls(client_options(*this)));
  return {};
}

base::Result<std::unique_ptr<RedisClient>> RedisKeyspace::connect(const base::Clock& clock) const {
  RETURN_IF_ERROR(check());
  return RedisClient::open(client_options(*this), clock);
}

std::string RedisKeyspace::key(std::string_view name) const {
  return fmt::format("{{{}}}:{}", prefix, name);
}

std::optional<std::int64_t> stored_number(std::string_view text) {
  return number_of(text, RedisKeyspace::kNumberMax);
}

base::Error foreign_value(std::string_view key, std::string_view field, std::string_view value) {
  return {base::Code::kCorruption,
          fmt::format("{}{}{} holds '{}', which estadio did not write", key,
                      field.empty() ? "" : ", field ", field.substr(0, kQuotedBytesMax),
                      value.substr(0, kQuotedBytesMax))};
}

}  // namespace estadio
