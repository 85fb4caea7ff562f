#include "estadio/load/options.h"

#include <fmt/format.h>

#include "base/units.h"
#include "estadio/load/schedule.h"

namespace estadio {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::int64_t kConnectionsMax = 50'000;
constexpr std::int64_t kThreadsMax = 64;
constexpr std::int64_t kBatchMax = 10'000;

base::Failure bad(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

base::Result<std::optional<std::int64_t>> parse_rate(std::string_view text) {
  if (text == "max") return std::nullopt;
  const auto rate = base::parse_integer(text, 1, load::Schedule::kRateMax);
  if (!rate) {
    return bad(fmt::format("expected entries a second, from 1 to {}, or max, got '{}'",
                           load::Schedule::kRateMax, text));
  }
  return *rate;
}

}  // namespace

void add_load_settings(base::Settings& settings, LoadOptions& options) {
  settings.add_positional("url", options.url,
                          "http://HOST:PORT[/PATH] or https://…; default path: /v1/entries");
  settings.add_parsed(
      "rate", "N|max",
      "entries a second, sent on time even when the server is slow; max: each connection sends a "
      "request as soon as it has the answer to the last one",
      [&options](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.rate, parse_rate(text));
        return {};
      },
      [&options] { return options.rate ? fmt::format("{}", *options.rate) : "max"; });
  settings.add("duration", options.duration, milliseconds(1), base::kDurationMax,
               "length of the run, in which the entries are due");
  settings.add("connections", options.connections, 1, kConnectionsMax,
               "connections to the server, each with one request at a time");
  settings.add("threads", options.threads, 1, kThreadsMax, "threads that share the connections");
  settings.add(
      "batch", options.batch, 1, kBatchMax,
      "entries in a request, as NDJSON when more than one; --rate counts entries, not requests");
  settings.add("timeout", options.timeout, milliseconds(1), hours(1),
               "longest wait for an answer; after it the request has failed");
  settings.add(
      "retry", options.retry,
      "give every entry an id and send it again until it is accepted: after 429, 503, 504, a cut "
      "connection or no answer; the exit status is 1 when an entry was not accepted in time");
  settings.add("retry-for", options.retry_for, milliseconds(0), base::kDurationMax,
               "time after --duration in which --retry still sends again");
  settings.add("entries", options.entries, "FILE",
               "file of entries, one JSON object a line, sent in order and then from the start "
               "again; default: entries generated from the contest");
  settings.add("seed", options.seed, 0, 1'000'000'000,
               "seed of the generated entries, which makes a run repeatable; 0: a random seed");
  settings.add("acks", options.acks, "FILE",
               "file that gets a line of JSON for each accepted entry: its id, faculty and "
               "discipline and, without --batch, its outcome");
  settings.add("json", options.json, "FILE",
               "file that gets the report as JSON; - is standard output");
  settings.add("tls-ca", options.tls_ca, "FILE",
               "authorities to trust (PEM) instead of the system's");
  settings.add("tls-insecure", options.tls_insecure, "trust any certificate");
  settings.add_check([&options] { return check_load_options(options); });
}

base::Result<void> check_load_options(const LoadOptions& options) {
  if (options.threads > options.connections) {
    return bad(fmt::format("threads: expected at most as many as connections, got {} for {}",
                           options.threads, options.connections));
  }
  if (options.tls_insecure && !options.tls_ca.empty()) {
    return bad("tls-insecure: trusts any certificate, so leave tls-ca out");
  }
  return {};
}

}  // namespace estadio
