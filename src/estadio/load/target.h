// The URL that gets the load: "http://127.0.0.1:8080", "https://contest.example/v1/entries?dry".
//
// Threads: values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace estadio::load {

struct Target {
  net::Address address;
  bool is_tls = false;
  std::string path = "/v1/entries";  // with the query
  std::string authority;             // host and port as given, for the Host header

  // Parses SCHEME://HOST[:PORT][/PATH[?QUERY]] with the schemes http and https. A URL without a
  // path gets the default one. Errors: kInvalidArgument; the message names the expected form.
  [[nodiscard]] static base::Result<Target> parse(std::string_view url);
};

}  // namespace estadio::load
