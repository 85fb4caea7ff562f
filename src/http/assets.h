// Files of a web page that are built into the program.
//
// Threads: an Asset is immutable; add_assets() belongs to the router's thread.
#pragma once

#include <span>
#include <string_view>

#include "http/router.h"

namespace http {

struct Asset {
  std::string_view path;  // "/assets/index-4f2a.js"; "/index.html" is also "/"
  std::string_view content_type;
  std::string_view bytes;
  // `bytes` as gzip. Every client that accepts gzip gets it, even when it is larger than `bytes`.
  // Empty: no gzip form.
  std::string_view gzip_bytes;
};

// Adds a GET route for each asset. Clients may cache "/assets/" for a year without asking, because
// its names hold a hash. They revalidate the others. `assets` must outlive the server, which sends
// their bytes from where they are.
void add_assets(Router& router, std::span<const Asset> assets);

}  // namespace http
