// Files of a web page that are built into the program.
//
// Threads: immutable.
#pragma once

#include <span>
#include <string_view>

#include "http/router.h"

namespace http {

struct Asset {
  std::string_view path;  // "/assets/index-4f2a.js"; "/index.html" is also "/"
  std::string_view content_type;
  std::string_view bytes;
  std::string_view gzip_bytes;  // the same compressed, smaller or not
};

// Serves the assets: names with a hash may be kept for ever, the page itself is asked for anew.
// `assets` must outlive the router.
void add_assets(Router& router, std::span<const Asset> assets);

}  // namespace http
