#include "http/assets.h"

#include <string>

namespace http {
namespace {

constexpr std::string_view kPageHeaders =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'\r\n"
    "Referrer-Policy: no-referrer\r\n";
constexpr std::string_view kHashedHeaders =
    "Cache-Control: public, max-age=31536000, immutable\r\n";

// Whether an Accept-Encoding names gzip, with a weight that is not 0 (RFC 9110, 12.5.3).
bool takes_gzip(std::string_view accepted) {
  const auto at = accepted.find("gzip");
  if (at == std::string_view::npos) return false;
  const std::string_view item = accepted.substr(at, accepted.find(',', at) - at);
  const auto weight = item.find("q=");
  return weight == std::string_view::npos ||
         item.find_first_of("123456789", weight) != std::string_view::npos;
}

void answer(const Asset& asset, const Request& request, Exchange exchange) {
  const bool sends_gzip =
      takes_gzip(request.header("accept-encoding")) && !asset.gzip_bytes.empty();
  std::string headers = "X-Content-Type-Options: nosniff\r\nVary: Accept-Encoding\r\n";
  headers += asset.path.starts_with("/assets/") ? kHashedHeaders : kPageHeaders;
  if (sends_gzip) headers += "Content-Encoding: gzip\r\n";
  exchange.respond({.status = 200,
                    .content_type = asset.content_type,
                    .body = sends_gzip ? asset.gzip_bytes : asset.bytes,
                    .extra_headers = headers,
                    .body_life = BodyLife::kServer});
}

}  // namespace

void add_assets(Router& router, std::span<const Asset> assets) {
  for (const Asset& asset : assets) {
    const auto handler = [&asset](const Request& request, Exchange exchange) {
      answer(asset, request, exchange);
    };
    router.add(Method::kGet, std::string(asset.path), handler);
    if (asset.path == "/index.html") router.add(Method::kGet, "/", handler);
  }
}

}  // namespace http
