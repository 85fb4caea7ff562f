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
                          "http://HOST:PORT[/PATH], or https; the path is "
                          "/v1/entries when there is none");
  settings.add_parsed(
      "rate", "N|max",
      "entries a second, sent on time whatever the server does; max: each connection sends its "
      "next request when it has the answer to the last",
      [&options](std::string_view text) -> base::Result<void> {
        ASSIGN_OR_RETURN(options.rate, parse_rate(text));
        return {};
      },
      [&options] { return options.rate ? fmt::format("{}", *options.rate) : "max"; });
  settings.add("duration", options.duration, milliseconds(1), base::kDurationMax,
               "how long entries fall due");
  settings.add("connections", options.connections, 1, kConnectionsMax,
               "connections, each with one request at a time");
  settings.add("threads", options.threads, 1, kThreadsMax, "threads that share the connections");
  settings.add("batch", options.batch, 1, kBatchMax,
               "entries a request, as NDJSON when more than one; the rate still counts entries");
  settings.add("timeout", options.timeout, milliseconds(1), hours(1),
               "how long an answer may take");
  settings.add(
      "retry", options.retry,
      "give every entry an id, and send it again with the same after 429, 503, 504, a cut "
      "connection or no answer, until it is accepted; ends with 1 when some were given up");
  settings.add("retry-for", options.retry_for, milliseconds(0), base::kDurationMax,
               "how long after the duration to go on with --retry");
  settings.add("entries", options.entries, "FILE",
               "entries to send, one JSON object a line, in turn and from the start again; "
               "generated from the contest when not given");
  settings.add("seed", options.seed, 0, 1'000'000'000,
               "makes the generated entries the same again; 0 draws one");
  settings.add("acks", options.acks, "FILE",
               "writes a line of JSON for each accepted entry: its id and, without --batch, its "
               "outcome");
  settings.add("json", options.json, "FILE", "writes the report as JSON; - is standard output");
  settings.add("tls-ca", options.tls_ca, "FILE",
               "PEM certificates to trust instead of the system's");
  settings.add("tls-insecure", options.tls_insecure, "trust any certificate");
  settings.add_check([&options] { return check_load_options(options); });
}

base::Result<void> check_load_options(const LoadOptions& options) {
  if (options.threads > options.connections) {
    return bad(fmt::format("threads: expected at most one a connection, got {} for {}",
                           options.threads, options.connections));
  }
  if (options.tls_insecure && !options.tls_ca.empty()) {
    return bad("tls-insecure: trusts any certificate, so tls-ca makes no sense with it");
  }
  return {};
}

}  // namespace estadio
