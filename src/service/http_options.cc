#include "service/http_options.h"

#include <sched.h>

#include <algorithm>
#include <fmt/format.h>

#include "base/open_files.h"

namespace service {
namespace {

constexpr std::chrono::milliseconds kCoalesceMax{100};  // sockets and timers wait meanwhile
constexpr std::chrono::milliseconds kPatienceMin{1};
constexpr std::chrono::hours kPatienceMax{24};
constexpr std::size_t kOtherFiles = 256;  // files of the log, the score and so on

unsigned half_of_the_processors() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof processors, &processors) != 0) return 1;
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&processors)) / 2);
}

}  // namespace

void HttpOptions::add_to(base::Settings& settings) {
  settings.add_parsed(
      "http", "ADDR", "address to listen on: HOST:PORT or unix:PATH; port 0 chooses a free port",
      [this](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(address, net::Address::parse(text));
        return {};
      },
      [this] { return address.to_string(); });
  settings.add("allowed-hosts", allowed_hosts, "HOST[,…]",
               "hosts that requests may name, besides localhost and the host of --http; others get "
               "421; * allows all, and so does no list unless --http is a loopback address");
  settings.add("tls-cert", tls_certificate, "FILE", "certificate chain (PEM); turns on HTTPS");
  settings.add("tls-key", tls_key, "FILE", "private key of the certificate (PEM)");
  settings.add("http-threads", threads, 0, 256,
               "threads that serve HTTP; 0: half of the processors");
  settings.add("max-connections", max_connections, 1, 1'000'000,
               "most open connections; further ones get 503");
  settings.add("max-body", max_body, "largest body of a request; a larger one gets 413");
  settings.add("max-buffered-requests", max_buffered_requests,
               "bytes of incomplete requests of all connections; beyond it requests get 503");
  settings.add("max-buffered-answers", max_buffered_answers,
               "memory of answers that clients have not read, of all connections; beyond it the "
               "connections that hold the most for the longest time are closed");
  settings.add("receive-timeout", receive_timeout, kPatienceMin, kPatienceMax,
               "longest time that a request may take to arrive; after it the request gets 408");
  settings.add("idle-timeout", idle_timeout, kPatienceMin, kPatienceMax,
               "time after which an idle connection is closed");
  settings.add("coalesce-for", coalesce_for, std::chrono::milliseconds(0), kCoalesceMax,
               "time in which requests are gathered and handled together while many come, which "
               "saves processor time; 0 handles each at once");
}

base::Result<void> HttpOptions::check() const {
  if (tls_certificate.empty() != tls_key.empty()) {
    return base::fail(base::Code::kInvalidArgument, "tls-cert, tls-key: expected both or neither");
  }
  if (auto allowed = hosts(); !allowed) {
    return base::fail(std::move(allowed).error().within("allowed-hosts"));
  }
  if (auto tls = load_tls(); !tls) {
    return base::fail(std::move(tls).error().within("tls-cert, tls-key"));
  }
  return {};
}

base::Result<http::AllowedHosts> HttpOptions::hosts() const {
  const bool is_published = !address.unix_path.empty() || !address.is_loopback();
  if (is_published && allowed_hosts.empty()) return http::AllowedHosts::any();
  http::AllowedHosts hosts = http::AllowedHosts::loopback();
  // A host that is none of a URL, such as one with a zone, is left out.
  if (const auto own = http::AllowedHosts::parse(address.host)) hosts.add(*own);
  if (allowed_hosts.empty()) return hosts;
  ASSIGN_OR_RETURN(const http::AllowedHosts listed, http::AllowedHosts::parse(allowed_hosts));
  hosts.add(listed);
  return hosts;
}

base::Result<std::unique_ptr<net::TlsContext>> HttpOptions::load_tls() const {
  if (tls_certificate.empty()) return nullptr;
  ASSIGN_OR_RETURN(auto tls, net::TlsContext::for_server(tls_certificate, tls_key));
  return std::make_unique<net::TlsContext>(std::move(tls));
}

base::Result<void> HttpOptions::fit_to_open_files(base::Logger& log) {
  const std::size_t wanted = static_cast<std::size_t>(max_connections) + kOtherFiles;
  ASSIGN_OR_RETURN(const std::size_t allowed, base::allow_open_files(wanted));
  if (allowed >= wanted) return {};
  if (allowed <= kOtherFiles) {
    return base::fail(
        base::Code::kFailedPrecondition,
        fmt::format(
            "this process may open {} files and needs more than {}: raise the limit (ulimit -n)",
            allowed, kOtherFiles));
  }
  max_connections = static_cast<std::int64_t>(allowed - kOtherFiles);
  log.warning(
      "max-connections is lowered to fit the limit of open files: raise that limit (ulimit -n)",
      {{"max_connections", max_connections}, {"open_files", allowed}});
  return {};
}

http::Server::Options HttpOptions::to_server(const net::TlsContext* tls) const {
  return {.address = address,
          .threads = threads > 0 ? static_cast<unsigned>(threads) : half_of_the_processors(),
          .limits = {.connections = static_cast<std::uint32_t>(max_connections),
                     .body_bytes = max_body.count,
                     .buffered_request_bytes = max_buffered_requests.count,
                     .buffered_answer_bytes = max_buffered_answers.count,
                     .receive = receive_timeout,
                     .idle = idle_timeout},
          .hosts = hosts().value(),
          .coalesce_for = coalesce_for,
          .tls = tls};
}

}  // namespace service
