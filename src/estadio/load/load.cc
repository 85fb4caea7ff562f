#include "estadio/load/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "base/units.h"
#include "estadio/load/acks.h"
#include "estadio/load/entries.h"
#include "estadio/load/generator.h"
#include "estadio/load/request_writer.h"
#include "estadio/load/schedule.h"
#include "estadio/load/target.h"
#include "http/address.h"
#include "http/tls.h"

namespace estadio {
namespace {

using base::Code;
using base::Result;
using load::Generator;
using load::Measurements;
using load::Report;

constexpr std::int64_t kConnectionsMax = 50'000;
constexpr std::int64_t kThreadsMax = 64;
constexpr std::int64_t kBatchMax = 10'000;
constexpr rlim_t kOtherFiles = 100;  // beside the connections
constexpr std::chrono::seconds kProgressOnTerminal{1};
constexpr std::chrono::seconds kProgressInLog{5};

base::Failure bad(std::string message) {
  return base::fail(Code::kInvalidArgument, std::move(message));
}

Result<std::optional<std::int64_t>> parse_rate(std::string_view text) {
  if (text == "max") return std::nullopt;
  std::int64_t rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc{} || end != text.data() + text.size() || rate < 1 ||
      rate > load::Schedule::kRateMax) {
    return bad(fmt::format("expected entries a second, 1 to {}, or max, got '{}'",
                           load::Schedule::kRateMax, text));
  }
  return rate;
}

Result<void> check(const LoadOptions& options) {
  if (options.duration <= base::Nanos(0)) return bad("--duration: expected more than 0");
  if (options.timeout <= base::Nanos(0)) return bad("--timeout: expected more than 0");
  if (options.threads > options.connections) {
    return bad(fmt::format("--threads: expected at most one a connection, got {} for {}",
                           options.threads, options.connections));
  }
  if (options.tls_insecure && !options.tls_ca.empty()) {
    return bad("--tls-insecure: makes no sense with --tls-ca");
  }
  return {};
}

Result<void> allow_open_files(std::int64_t connections) {
  const rlim_t wanted = static_cast<rlim_t>(connections) + kOtherFiles;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return {};
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
    return bad(fmt::format("--connections: {} need {} open files, the limit is {} (ulimit -n)",
                           connections, wanted, limit.rlim_max));
  }
  limit.rlim_cur = wanted;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return base::fail(base::Error::from_errno("raising the limit of open files", errno));
  }
  return {};
}

// The --json file, opened before the run so that a bad path does not cost its figures.
class JsonOutput {
 public:
  static Result<JsonOutput> open(const std::string& path) {
    if (path.empty()) return JsonOutput({}, path);
    base::UniqueFd fd(path == "-"
                          ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) return bad(base::Error::from_errno("--json: making " + path, errno).message());
    return JsonOutput(std::move(fd), path);
  }

  Result<void> write(const Report& report) {
    if (!fd_) return {};
    const std::string text = to_json(report) + "\n";
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t count = ::write(fd_.get(), rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        return base::fail(base::Error::from_errno("writing the report to " + path_, errno));
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

 private:
  JsonOutput(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::UniqueFd fd_;
  std::string path_;
};

// Tells how the run goes, at most once a second.
class ProgressLine {
 public:
  ProgressLine(const LoadOptions& options, const base::Clock& clock, base::Logger& log)
      : duration_(options.duration),
        clock_(clock),
        log_(log),
        is_terminal_(::isatty(STDERR_FILENO) == 1),
        started_(clock.mono()),
        told_at_(started_) {}
  ~ProgressLine() {
    if (is_terminal_) write("\r\x1b[K");
  }

  [[nodiscard]] std::chrono::seconds interval() const {
    return is_terminal_ ? kProgressOnTerminal : kProgressInLog;
  }

  void tell(const load::Progress& progress, const base::Histogram& recent) {
    const base::Nanos now = clock_.mono();
    const double seconds = std::chrono::duration<double>(now - std::exchange(told_at_, now)).count();
    const std::uint64_t accepted =
        progress.accepted_entries - std::exchange(accepted_, progress.accepted_entries);
    const double rate = static_cast<double>(accepted) / seconds;
    const double p99_ms =
        std::chrono::duration<double, std::milli>(recent.quantile(0.99)).count();
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
    if (!is_terminal_) {
      log_.info("load", {{"elapsed_s", elapsed},
                         {"rate", rate},
                         {"accepted", progress.accepted_entries},
                         {"errors", progress.errors},
                         {"retries", progress.retries},
                         {"waiting", progress.waiting},
                         {"p99_ms", p99_ms}});
      return;
    }
    write(fmt::format("\r\x1b[K{:>3} s of {}  {}/s  p99 {:.3g} ms  accepted {}  errors {}{}{}",
                      elapsed, base::format_duration(duration_),
                      load::with_commas(static_cast<std::uint64_t>(rate)), p99_ms,
                      load::with_commas(progress.accepted_entries),
                      load::with_commas(progress.errors),
                      count_text("  retries ", progress.retries),
                      count_text("  waiting ", progress.waiting)));
  }

 private:
  static std::string count_text(std::string_view title, std::uint64_t count) {
    return count == 0 ? "" : std::string(title) + load::with_commas(count);
  }
  static void write(std::string_view text) {
    // A terminal that has gone must not end the run.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  }

  const base::Nanos duration_;
  const base::Clock& clock_;
  base::Logger& log_;
  const bool is_terminal_;
  const base::Nanos started_;
  base::Nanos told_at_;
  std::uint64_t accepted_ = 0;
};

// The generators of a run, each in its thread.
class Crew {
 public:
  struct Parts {
    const load::Entries& entries;
    const load::Target& target;
    const load::Connection::Peer& peer;
    load::AckFile* acks;  // none when null
    const base::Clock& clock;
    std::uint64_t seed;
  };

  Crew(const LoadOptions& options, const Parts& parts)
      : start_line_(options.threads, parts.clock) {
    const bool gives_ids = options.retry || (parts.acks != nullptr && options.batch > 1);
    for (std::int64_t i = 0; i < options.threads; ++i) {
      auto& member = *members_.emplace_back(std::make_unique<Member>());
      member.writer.emplace(parts.entries, parts.target,
                            load::RequestWriter::Options{.batch = options.batch,
                                                         .gives_ids = gives_ids,
                                                         .seed = parts.seed,
                                                         .thread = i,
                                                         .threads = options.threads},
                            parts.clock);
      if (parts.acks != nullptr) member.acks.emplace(*parts.acks);
      const load::Schedule::Options schedule{.rate = options.rate,
                                             .batch = options.batch,
                                             .duration = options.duration,
                                             .thread = i,
                                             .threads = options.threads};
      const std::int64_t spare = options.connections % options.threads;
      member.generator.emplace(
          Generator::Options{
              .schedule = schedule,
              .connections = options.connections / options.threads + (i < spare ? 1 : 0),
              .timeout = options.timeout,
              .retries = options.retry,
              .retry_for = options.retry_for,
              .reads_answers = gives_ids || parts.acks != nullptr || parts.entries.have_ids(),
              .seed = parts.seed + static_cast<std::uint64_t>(i)},
          Generator::Parts{.peer = parts.peer,
                           .writer = *member.writer,
                           .acks = member.acks ? &*member.acks : nullptr,
                           .start_line = start_line_,
                           .clock = parts.clock});
    }
    running_ = members_.size();
    for (auto& member : members_) {
      member->thread = std::jthread([this, &member = *member] { run(member); });
    }
  }

  // Waits until all are done, at most `patience`, or until `stop`; true when they are.
  bool wait(std::chrono::nanoseconds patience, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, patience, [this] { return running_ == 0 || has_failed_; });
    return running_ == 0;
  }
  [[nodiscard]] bool has_failed() {
    const std::scoped_lock lock(mutex_);
    return has_failed_;
  }
  void interrupt() {
    for (auto& member : members_) member->generator->interrupt();
  }

  load::Progress take_progress(base::Histogram& recent) {
    load::Progress sum;
    for (auto& member : members_) {
      const load::Progress progress = member->generator->take_progress(recent);
      sum.sent += progress.sent;
      sum.accepted_entries += progress.accepted_entries;
      sum.errors += progress.errors;
      sum.retries += progress.retries;
      sum.waiting += progress.waiting;
    }
    return sum;
  }

  // Joins all. Errors: the first of any generator.
  Result<Measurements> join() {
    Measurements sum;
    for (auto& member : members_) member->thread.join();
    for (auto& member : members_) {
      RETURN_IF_ERROR(member->result);
      sum.merge(*member->result);
    }
    return sum;
  }

 private:
  struct Member {
    std::optional<load::RequestWriter> writer;
    std::optional<load::AckWriter> acks;
    std::optional<Generator> generator;
    Result<Measurements> result;
    std::jthread thread;  // last: ends before what it uses goes
  };

  void run(Member& member) {
    member.result = member.generator->run();
    {
      const std::scoped_lock lock(mutex_);
      --running_;
      has_failed_ |= !member.result;
    }
    changed_.notify_all();
  }

  load::StartLine start_line_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t running_ = 0;  // guarded by mutex_
  bool has_failed_ = false;  // guarded by mutex_
  std::vector<std::unique_ptr<Member>> members_;  // last: their threads use the rest
};

Result<load::Entries> entries_of(const LoadOptions& options) {
  if (options.entries.empty()) {
    return load::Entries::of_contest(options.faculties, options.disciplines);
  }
  auto entries = load::Entries::from_file(options.entries);
  if (!entries) return base::fail(std::move(entries).error().within("--entries"));
  if (entries->longest_bytes() * static_cast<std::size_t>(options.batch) >
      load::RequestWriter::kBodyBytesMax) {
    return bad(fmt::format("--batch: {} entries of up to {} bytes make more than {}, the most that "
                           "is sent in a request", options.batch, entries->longest_bytes(),
                           base::format_bytes(load::RequestWriter::kBodyBytesMax)));
  }
  return entries;
}

// The seed given, or one drawn: small enough to be copied by hand, and for JSON's readers.
std::int64_t seed_of(const LoadOptions& options) {
  if (options.seed != 0) return options.seed;
  return 1 + static_cast<std::int64_t>(std::random_device{}() % 1'000'000'000);
}

}  // namespace

void add_load_settings(base::Settings& settings, LoadOptions& options) {
  settings.add_positional("url", options.url, "http://HOST:PORT[/PATH], or https; the path is "
                                              "/v1/entries when there is none");
  settings.add_parsed(
      "rate", "N|max",
      "entries a second, sent on time whatever the server does; max: each connection sends its "
      "next request when it has the answer to the last",
      [&options](std::string_view text) -> Result<void> {
        ASSIGN_OR_RETURN(options.rate, parse_rate(text));
        return {};
      },
      [&options] { return options.rate ? fmt::format("{}", *options.rate) : "max"; });
  settings.add("duration", options.duration, "how long entries fall due");
  settings.add("connections", options.connections, 1, kConnectionsMax,
               "connections, each with one request at a time");
  settings.add("threads", options.threads, 1, kThreadsMax, "threads that share the connections");
  settings.add("batch", options.batch, 1, kBatchMax,
               "entries a request, as NDJSON when more than one; the rate still counts entries");
  settings.add("timeout", options.timeout, "how long an answer may take");
  settings.add("retry", options.retry,
               "give every entry an id, and send it again with the same after 429, 503, 504, a cut "
               "connection or no answer, until it is accepted");
  settings.add("retry-for", options.retry_for, "how long after the duration to go on with --retry");
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
}

Result<Report> run_load(const LoadOptions& options, const base::Clock& clock, base::Logger& log,
                        std::stop_token stop) {
  RETURN_IF_ERROR(check(options));
  ASSIGN_OR_RETURN(const load::Target target, load::Target::parse(options.url));
  ASSIGN_OR_RETURN(const load::Entries entries, entries_of(options));
  RETURN_IF_ERROR(allow_open_files(options.connections));

  std::optional<http::TlsContext> tls;
  if (target.is_tls) {
    auto context = http::TlsContext::for_client(
        {.ca_file = options.tls_ca, .verify = !options.tls_insecure});
    if (!context) return base::fail(std::move(context).error().within("--tls-ca"));
    tls.emplace(*std::move(context));
  }
  ASSIGN_OR_RETURN(const http::Resolved address, http::resolve(target.address));
  const load::Connection::Peer peer{
      .address = address, .tls = tls ? &*tls : nullptr, .name = target.address.host};

  ASSIGN_OR_RETURN(JsonOutput json, JsonOutput::open(options.json));
  std::optional<load::AckFile> acks;
  if (!options.acks.empty()) {
    ASSIGN_OR_RETURN(acks, load::AckFile::create(options.acks));
  }

  Report report{.url = options.url,
                .rate = options.rate,
                .batch = options.batch,
                .connections = options.connections,
                .threads = options.threads,
                .seed = seed_of(options),
                .measured = {}};
  log.info("load starts", {{"url", options.url},
                           {"rate", options.rate ? fmt::format("{}", *options.rate) : "max"},
                           {"duration", base::format_duration(options.duration)},
                           {"connections", options.connections},
                           {"seed", report.seed}});
  Crew crew(options, {.entries = entries,
                      .target = target,
                      .peer = peer,
                      .acks = acks ? &*acks : nullptr,
                      .clock = clock,
                      .seed = static_cast<std::uint64_t>(report.seed)});
  {
    ProgressLine line(options, clock, log);
    base::Histogram recent;
    while (!crew.wait(line.interval(), stop)) {
      if (stop.stop_requested() || crew.has_failed()) {
        report.was_interrupted = stop.stop_requested();
        crew.interrupt();
        break;
      }
      recent.clear();
      line.tell(crew.take_progress(recent), recent);
    }
  }
  auto measured = crew.join();
  if (!measured) {
    return base::fail(std::move(measured).error().within(target.address.to_string()));
  }
  report.measured = *std::move(measured);
  RETURN_IF_ERROR(json.write(report));
  return report;
}

int load_exit_status(const Report& report) { return report.measured.answered > 0 ? 0 : 1; }

}  // namespace estadio
