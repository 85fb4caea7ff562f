#include "estadio/load/load.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <optional>
#include <random>
#include <utility>

#include "base/files.h"
#include "base/open_files.h"
#include "base/printable.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "estadio/load/acks.h"
#include "estadio/load/entries.h"
#include "estadio/load/generator_pool.h"
#include "estadio/load/progress_line.h"
#include "estadio/load/request_writer.h"
#include "estadio/load/target.h"
#include "http/client_connection.h"
#include "net/address.h"
#include "net/tls.h"

namespace estadio {
namespace {

using base::Code;
using base::Result;
using load::Report;

constexpr std::size_t kOtherFiles = 100;  // beside the connections

base::Failure bad(std::string message) {
  return base::fail(Code::kInvalidArgument, std::move(message));
}

Result<void> allow_connections(std::int64_t connections) {
  const std::size_t wanted = static_cast<std::size_t>(connections) + kOtherFiles;
  ASSIGN_OR_RETURN(const std::size_t allowed, base::allow_open_files(wanted));
  if (allowed >= wanted) return {};
  return bad(fmt::format("connections: {} need {} open files, the limit is {} (ulimit -n)",
                         connections, wanted, allowed));
}

// The --json file. It is opened before the run, so that a bad path fails early.
class JsonOutput {
 public:
  static Result<JsonOutput> open(const std::string& path) {
    if (path.empty()) return JsonOutput({}, path);
    if (path == "-") {
      return JsonOutput(base::UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)), path);
    }
    auto fd = base::open_output(path);
    if (!fd) return bad(std::move(fd).error().within("json").message());
    return JsonOutput(*std::move(fd), path);
  }

  Result<void> write(const Report& report) {
    if (!fd_) return {};
    return base::write_all(fd_, base::json_for(fd_.get(), to_json(report) + "\n"),
                           "the report to " + path_);
  }

 private:
  JsonOutput(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::UniqueFd fd_;
  std::string path_;
};

Result<load::Entries> entries_of(const LoadOptions& options) {
  auto entries = options.entries.empty()
                     ? load::Entries::of_contest(options.faculties, options.disciplines)
                     : load::Entries::from_file(options.entries);
  if (!entries) return base::fail(std::move(entries).error().within("entries"));
  if (entries->longest_bytes() * static_cast<std::size_t>(options.batch) >
      load::RequestWriter::kBodyBytesMax) {
    return bad(
        fmt::format("batch: {} entries of up to {} bytes make more than {}, the limit of a request",
                    options.batch, entries->longest_bytes(),
                    base::format_bytes(load::RequestWriter::kBodyBytesMax)));
  }
  return entries;
}

// Returns the given seed, or draws one of at most ten digits: easy to copy, and exact in JSON.
std::int64_t seed_of(const LoadOptions& options) {
  if (options.seed != 0) return options.seed;
  return 1 + static_cast<std::int64_t>(std::random_device{}() % 1'000'000'000);
}

// Returns the context for the connections. Returns nothing when the target is http.
Result<std::optional<net::TlsContext>> tls_context_of(const LoadOptions& options,
                                                      const load::Target& target) {
  if (!target.is_tls) return std::nullopt;
  auto context =
      net::TlsContext::for_client({.ca_file = options.tls_ca, .verify = !options.tls_insecure});
  if (!context) return base::fail(std::move(context).error().within("tls-ca"));
  return std::optional(*std::move(context));
}

Result<std::optional<load::AckFile>> ack_file_of(const LoadOptions& options) {
  if (options.acks.empty()) return std::nullopt;
  return load::AckFile::create(options.acks);
}

// Returns the report before the run: all but the measured figures.
Report report_of(const LoadOptions& options) {
  return {.url = options.url,
          .rate = options.rate,
          .batch = options.batch,
          .connections = options.connections,
          .threads = options.threads,
          .seed = seed_of(options),
          .has_retries = options.retry,
          .measured = {}};
}

void log_start(base::Logger& log, const LoadOptions& options, const Report& report) {
  log.info("load starts", {{"url", options.url},
                           {"rate", options.rate ? fmt::format("{}", *options.rate) : "max"},
                           {"duration", base::format_duration(options.duration)},
                           {"connections", options.connections},
                           {"seed", report.seed}});
}

// Shows the progress until the generators end, one of them fails, or a stop is requested. Returns
// kRunning in the last case.
load::GeneratorPool::State show_progress(load::GeneratorPool& pool,
                                         std::chrono::nanoseconds duration,
                                         const base::Clock& clock, base::Logger& log,
                                         const std::stop_token& stop) {
  using State = load::GeneratorPool::State;
  load::ProgressLine line({.duration = duration}, clock, log);
  base::Histogram recent;
  while (true) {
    const State state = pool.wait(line.interval(), stop);
    if (state != State::kRunning || stop.stop_requested()) return state;
    recent.clear();
    line.show(pool.take_progress(recent), recent);
  }
}

// Waits for the generators. An error of the server names its address.
Result<load::Measurements> measurements_of(load::GeneratorPool& pool, const load::Target& target) {
  auto measured = pool.join();
  if (measured || measured.error().code() != Code::kUnavailable) return measured;
  return base::fail(std::move(measured).error().within(target.address.to_string()));
}

}  // namespace

Result<Report> run_load(const LoadOptions& options, const base::Clock& clock, base::Logger& log,
                        std::stop_token stop) {
  RETURN_IF_ERROR(check_load_options(options));
  ASSIGN_OR_RETURN(const load::Target target, load::Target::parse(options.url));
  ASSIGN_OR_RETURN(const load::Entries entries, entries_of(options));
  RETURN_IF_ERROR(allow_connections(options.connections));
  ASSIGN_OR_RETURN(std::optional<net::TlsContext> tls, tls_context_of(options, target));
  ASSIGN_OR_RETURN(std::vector<net::Resolved> addresses, net::resolve(target.address));
  const http::ClientConnection::Peer peer{
      .addresses = std::move(addresses), .tls = tls ? &*tls : nullptr, .name = target.address.host};
  ASSIGN_OR_RETURN(JsonOutput json, JsonOutput::open(options.json));
  ASSIGN_OR_RETURN(std::optional<load::AckFile> acks, ack_file_of(options));

  Report report = report_of(options);
  log_start(log, options, report);
  load::GeneratorPool pool(options, {.entries = entries,
                                     .target = target,
                                     .peer = peer,
                                     .acks = acks ? &*acks : nullptr,
                                     .clock = clock,
                                     .seed = static_cast<std::uint64_t>(report.seed)});
  const auto state = show_progress(pool, options.duration, clock, log, stop);
  report.was_interrupted = state == load::GeneratorPool::State::kRunning;
  if (state != load::GeneratorPool::State::kDone) pool.interrupt();
  ASSIGN_OR_RETURN(report.measured, measurements_of(pool, target));

  RETURN_IF_ERROR(json.write(report));
  return report;
}

int load_exit_status(const Report& report) {
  const bool has_given_up = report.has_retries && !report.measured.errors.empty();
  const bool is_good = report.wrong_answers().empty() && !has_given_up;
  return report.measured.accepted_entries > 0 && is_good ? 0 : 1;
}

}  // namespace estadio
