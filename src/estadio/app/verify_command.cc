// `estadio verify`: the proof from the command line.
//
//   a contest in a folder:    DiskLog, RocksScoreBook
//   one across machines:      KafkaLog, RedisScoreBook
#include <unistd.h>

#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/signals.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_stores.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/manifest.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/verify/verify.h"

namespace estadio {
namespace {

struct VerifyOptions {
  ContestStoresOptions stores;
  std::string seed_file;
  IdMemoryOptions ids;
  std::string acks_file;
  bool are_acks_partial = false;
  std::string export_file;
  std::string against_file;
  bool is_json = false;
  bool reveals_seed = false;
  bool watches = false;
  std::chrono::nanoseconds every = std::chrono::seconds(10);
};

// The data that the proof compares.
struct Evidence {
  std::unique_ptr<ContestStores> stores;
  ContestManifest manifest;
  std::optional<Acks> acks;
  Score score;
  std::optional<StoredValues> sums;      // nothing: the book keeps none
  std::unique_ptr<RedisScoreBook> book;  // null: the contest is in a folder
  std::unique_ptr<EventLog> events;
  std::optional<std::vector<std::int64_t>> closed_offsets;  // as VerifyInput has them
};

struct Proved {
  VerifyReport report;
  std::string commitment;
  std::string seed;
  Summary summary;  // of the report; only with --export
};

// The evidence is gathered in the order acks, score, log. So a log that is read later holds every
// acknowledged and counted entry.

base::Result<std::optional<Acks>> gather_acks(const VerifyOptions& options,
                                              const Contest& contest) {
  if (options.acks_file.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Acks acks, Acks::from_file(options.acks_file, contest));
  if (acks.is_cut()) {
    fmt::print(stderr,
               "{}: the last line is cut and was skipped: its client may have been killed; "
               "--partial-acks accepts results without an ack\n",
               options.acks_file);
  }
  return acks;
}

base::Result<Evidence> gather(const VerifyOptions& options, const base::Clock& clock,
                              base::Logger& log) {
  Evidence evidence;
  ASSIGN_OR_RETURN(evidence.stores,
                   ContestStores::open(options.stores, ContestStores::Access::kRead, clock, log));
  evidence.manifest = evidence.stores->manifest();
  if (!options.stores.is_folder()) {
    RETURN_IF_ERROR(settle_seed(evidence.manifest, options.seed_file));
  }
  ASSIGN_OR_RETURN(evidence.acks, gather_acks(options, evidence.stores->contest()));
  if (options.stores.is_folder()) {
    ASSIGN_OR_RETURN(evidence.score, RocksScoreBook::read_from(evidence.stores->score_folder()));
  } else {
    ASSIGN_OR_RETURN(evidence.book, evidence.stores->open_redis());
    ASSIGN_OR_RETURN(auto read, evidence.book->read_with_sums());
    evidence.score = std::move(read.score);
    evidence.sums = std::move(read.sums);
  }
  ASSIGN_OR_RETURN(evidence.closed_offsets, evidence.stores->read_closed_offsets());
  ASSIGN_OR_RETURN(evidence.events, evidence.stores->open_log());
  return evidence;
}

// Reads the summary of --against, and checks that it is of this contest.
base::Result<std::optional<Summary>> read_summary(const VerifyOptions& options,
                                                  const ContestManifest& manifest) {
  if (options.against_file.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Summary summary, Summary::from_file(options.against_file));
  const std::string commitment = Coin(*manifest.coin_seed).commitment();
  if (summary.started_at_ms == manifest.started_at_ms && summary.coin_commitment == commitment &&
      summary.retry_window_ms == manifest.retry_window.count()) {
    return summary;
  }
  return base::fail(
      base::Code::kFailedPrecondition,
      fmt::format(
          "{} is of another contest: it began at {} with the coin {}, this one at {} with {}",
          options.against_file, base::format_time(summary.started_at_ms), summary.coin_commitment,
          base::format_time(manifest.started_at_ms), commitment));
}

Summary summary_of(const VerifyReport& report, const Evidence& evidence, const base::Clock& clock) {
  Summary summary{.program = fmt::format("estadio {}", ESTADIO_VERSION),
                  .proved_at_ms = clock.wall_ms(),
                  .contest = evidence.stores->contest().name(),
                  .started_at_ms = evidence.manifest.started_at_ms,
                  .retry_window_ms = evidence.manifest.retry_window.count(),
                  .coin_commitment = Coin(*evidence.manifest.coin_seed).commitment(),
                  .coin_seed = {},
                  .not_counted = evidence.score.not_counted,
                  .counts = {},
                  .partitions = report.partitions};
  for (const VerifyReport::Row& row : report.rows) {
    if (row.in_log == 0) continue;
    summary.counts.push_back({.faculty = row.faculty,
                              .discipline_id = row.discipline_id,
                              .outcome = row.outcome,
                              .count = row.in_log});
  }
  return summary;
}

base::Result<void> write_summary(const Summary& summary, const std::string& path) {
  ASSIGN_OR_RETURN(const base::UniqueFd file, base::open_output(path));
  const std::string text = summary.to_json();
  RETURN_IF_ERROR(base::write_all(file, text, path));
  fmt::print(stderr, "{}: {} records; sign or publish its SHA-256: {}\n", path, summary.records(),
             sha256_of(text));
  return {};
}

base::Result<Proved> prove(const VerifyOptions& options, const base::Clock& clock,
                           base::Logger& log) {
  ASSIGN_OR_RETURN(Evidence evidence, gather(options, clock, log));
  const Coin coin(*evidence.manifest.coin_seed);
  ASSIGN_OR_RETURN(const auto against, read_summary(options, evidence.manifest));
  IdMemory memory(options.ids.to_options());
  const bool shows_progress = ::isatty(STDERR_FILENO) != 0;
  const auto show = [](std::int64_t records) {
    fmt::print(stderr, "\r{} records checked", records);
  };
  auto report =
      verify({.contest = evidence.stores->contest(),
              .coin = coin,
              .events = *evidence.events,
              .score = evidence.score,
              .sums = evidence.sums ? &*evidence.sums : nullptr,
              .sums_of = [&](const Score& score) { return evidence.book->sums_of(score); },
              .closed_offsets = evidence.closed_offsets,
              .acks = evidence.acks ? &*evidence.acks : nullptr,
              .are_acks_complete = !options.are_acks_partial,
              .retry = RetryRule(evidence.manifest.retry_window),
              .makes_digests = !options.export_file.empty(),
              .against = against ? &*against : nullptr,
              .memory = memory,
              .clock = clock,
              .on_progress = shows_progress ? std::function<void(std::int64_t)>(show) : nullptr});
  if (shows_progress) fmt::print(stderr, "\r\x1b[K");
  if (!report) return base::fail(std::move(report).error());
  if (!options.stores.is_folder() && report->records > 0 && evidence.score.positions.empty()) {
    report->differences.push_back(
        {.what = "empty scores of a log with results",
         .count = 1,
         .example = fmt::format(
             "Redis holds nothing under the prefix '{}': check redis-prefix, and that a tally runs",
             options.stores.redis.prefix)});
  }
  Proved proved{.report = *std::move(report),
                .commitment = coin.commitment(),
                .seed = coin.reveal(),
                .summary = {}};
  if (!options.export_file.empty()) {
    proved.summary = summary_of(proved.report, evidence, clock);
    if (options.reveals_seed) proved.summary.coin_seed = proved.seed;
  }
  return proved;
}

void print(const Proved& proved, const VerifyOptions& options) {
  if (options.is_json) {
    fmt::print("{}\n", base::json_for(STDOUT_FILENO, proved.report.to_json()));
  } else {
    fmt::print("{}coin's commitment (SHA-256 of its seed): {}\n", proved.report.to_text(),
               proved.commitment);
  }
  if (options.reveals_seed) fmt::print("coin's seed: {}\n", proved.seed);
}

// Prints a line for each proof, until a signal comes or a proof finds a difference. While a service
// is away, waits for it.
int watch(const VerifyOptions& options, const base::Clock& clock, base::Logger& log) {
  base::StopSignals signals;
  do {
    const auto proved = prove(options, clock, log);
    const std::string time = base::format_time(clock.wall_ms());
    if (!proved) {
      if (proved.error().code() != base::Code::kUnavailable) {
        log.flush();  // before the error
        return program().print_failure(proved.error());
      }
      fmt::print("{}  not proven: {}\n", time, base::printable(proved.error().message()));
    } else if (options.is_json || !proved->report.is_proven()) {
      print(*proved, options);
    } else {
      fmt::print("{}  proven: {} records, {} counted, {} repeated, {} not counted yet\n", time,
                 proved->report.records, proved->report.counted, proved->report.repeated,
                 proved->report.lag);
    }
    std::fflush(stdout);
    if (proved && !proved->report.is_proven()) return base::kExitFailed;
  } while (!signals.wait_for_ms(static_cast<int>(options.every.count() / 1'000'000)));
  return base::kExitOk;
}

base::Result<void> check(const VerifyOptions& options) {
  if (options.watches && !options.export_file.empty()) {
    return base::fail(base::Code::kInvalidArgument, "export: cannot be used together with watch");
  }
  return options.stores.check();
}

}  // namespace

int run_verify(base::Arguments arguments) {
  VerifyOptions options;
  base::Settings settings = program().settings_for(
      "verify",
      "Proves that the acks of clients, the log and the score agree, and that every outcome is "
      "the\ncoin's. The exit status is 0 when they agree and 1 on a difference. Works while the "
      "contest runs,\nand after it stopped or died.",
      "  estadio verify --data contest\n"
      "  estadio verify --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0 "
      "--watch\n"
      "  estadio load http://127.0.0.1:8080 --acks acks.ndjson && estadio verify "
      "--data contest --acks acks.ndjson\n"
      "  estadio verify --data contest --export summary.json\n"
      "  estadio verify --data contest --against summary.json\n");
  options.stores.add_to(settings);
  options.ids.add_to(settings);
  settings.add("coin-seed-file", options.seed_file, "FILE",
               "file of the coin's seed, when the discipline servers have it from a file");
  settings.add(
      "acks", options.acks_file, "FILE",
      "acks of clients, one a line: {\"id\":\"…\",\"outcome\":\"winner\",\"faculty\":\"…\","
      "\"discipline\":1}; all but the id may be left out");
  settings.add(
      "partial-acks", options.are_acks_partial,
      "accept results without an ack, because the file lacks clients or answers were lost");
  settings.add("export", options.export_file, "FILE",
               "write a summary of the proof, with the counts and a digest of each partition's "
               "records; nothing is written when there is a difference");
  settings.add("against", options.against_file, "FILE",
               "prove too that the log still has the records of this summary, and that they give "
               "the same counts");
  settings.add("watch", options.watches, "repeat the proof until it finds a difference");
  settings.add("every", options.every, std::chrono::milliseconds(100), std::chrono::hours(24),
               "pause between the proofs of --watch");
  settings.add("json", options.is_json, "print the report as JSON");
  settings.add("reveal", options.reveals_seed,
               "print the coin's seed too, so that others can check the outcomes; a client that "
               "knows it can choose winning ids, so use it only after the contest");
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;

  const base::SystemClock clock;
  base::Logger log(clock, {.level = base::LogLevel::kError});
  if (options.watches) return watch(options, clock, log);
  const auto proved = prove(options, clock, log);
  log.flush();  // before the report or the error
  if (!proved) return program().print_failure(proved.error());
  print(*proved, options);
  if (!options.export_file.empty()) {
    if (!proved->report.is_proven()) {
      fmt::print(stderr, "{}: not written, because of the differences\n", options.export_file);
    } else if (auto written = write_summary(proved->summary, options.export_file); !written) {
      return program().print_failure(written.error());
    }
  }
  return proved->report.is_proven() ? base::kExitOk : base::kExitFailed;
}

}  // namespace estadio
