// A Redis URL: any text gives a URL or an error. A URL written and parsed again is the same, except
// for its password.
#include "estadio/score/redis_url.h"

#include "base/check.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto url = estadio::RedisUrl::parse(fuzz::text_of(data, size));
  if (!url) {
    CHECK(url.error().code() == base::Code::kInvalidArgument);
    return 0;
  }
  CHECK(url->host.empty() != url->unix_path.empty());
  CHECK(url->port != 0 && url->db >= 0);
  CHECK(url->user.empty() || url->unix_path.empty());
  if (!url->password.empty()) url->password = "***";
  const auto again = estadio::RedisUrl::parse(url->to_string());
  // Escapes make the URL up to three times as long.
  if (size * 3 <= estadio::RedisUrl::kBytesMax) CHECK(again && *again == *url);
  return 0;
}
