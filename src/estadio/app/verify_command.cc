// `estadio verify`: the proof from the command line.
//
//   a contest in a folder:    DiskLog, RocksScoreBook
//   one across machines:      KafkaLog, RedisScoreBook
#include <unistd.h>

#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/printable.h"
#include "base/signals.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/app/data_folder.h"
#include "estadio/app/kafka_options.h"
#include "estadio/app/redis_options.h"
#include "estadio/app/retry_options.h"
#include "estadio/contest/manifest.h"
#include "estadio/discipline/closing.h"
#include "estadio/log/disk_log.h"
#include "estadio/log/kafka_control_log.h"
#include "estadio/log/kafka_log.h"
#include "estadio/log/kafka_manifest.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/verify/verify.h"

namespace estadio {
namespace {

struct VerifyOptions {
  std::string data;
  KafkaOptions kafka;
  RedisOptions redis;
  std::string seed_file;
  IdMemoryOptions ids;
  std::string contest_file;
  std::string acks_file;
  bool are_acks_partial = false;
  bool is_json = false;
  bool reveals_seed = false;
  bool watches = false;
  std::chrono::nanoseconds every = std::chrono::seconds(10);
};

// The data that the proof compares.
struct Evidence {
  Contest contest;
  ContestManifest manifest;
  std::optional<Acks> acks;
  Score score;
  std::unique_ptr<EventLog> events;
  // Of a contest on several machines that is closed.
  std::optional<std::vector<std::int64_t>> closed_offsets;
};

struct Proved {
  VerifyReport report;
  std::string commitment;
  std::string seed;
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

base::Result<Evidence> gather_from_folder(const VerifyOptions& options, const base::Clock& clock,
                                          base::Logger& log) {
  ASSIGN_OR_RETURN(const DataFolder folder,
                   DataFolder::open_to_read(options.data, options.contest_file));
  ASSIGN_OR_RETURN(auto acks, gather_acks(options, folder.contest()));
  ASSIGN_OR_RETURN(Score score, RocksScoreBook::read_from(folder.score_folder()));
  ASSIGN_OR_RETURN(auto events, DiskLog::open_to_read(folder.log_folder(), clock, log));
  return Evidence{.contest = folder.contest(),
                  .manifest = folder.manifest(),
                  .acks = std::move(acks),
                  .score = std::move(score),
                  .events = std::move(events),
                  .closed_offsets = std::nullopt};
}

// Returns the offsets of the first end marks by the control log; nothing until it says `closed`.
base::Result<std::optional<std::vector<std::int64_t>>> gather_closed_offsets(
    const KafkaContest& kafka, int partitions, const base::Clock& clock) {
  ASSIGN_OR_RETURN(const auto control, KafkaControlLog::open({.cluster = kafka.cluster,
                                                              .topics = kafka.topics,
                                                              .partitions = partitions}));
  Closing closing{base::Uuid(), std::nullopt};
  const KafkaDeadline deadline(clock, kafka.patience);
  std::vector<ControlRecord> records;
  while (!control->is_at_end()) {
    if (deadline.has_passed()) {
      return base::fail(base::Code::kUnavailable, "reading the topic contest: no answer");
    }
    RETURN_IF_ERROR(control->read(records, std::chrono::milliseconds(deadline.left_ms())));
    for (const ControlRecord& record : records) closing.read(record, clock.boot());
  }
  if (closing.phase() != ContestPhase::kClosed) return std::nullopt;
  return closing.closed_offsets();
}

base::Result<Evidence> gather_from_cluster(const VerifyOptions& options, const base::Clock& clock,
                                           base::Logger& log) {
  ASSIGN_OR_RETURN(Contest contest, load_contest(options.contest_file));
  ASSIGN_OR_RETURN(const KafkaContest kafka, options.kafka.to_contest(contest.partitions()));
  ASSIGN_OR_RETURN(ContestManifest manifest, read_manifest(kafka, clock, log));
  RETURN_IF_ERROR(settle_seed(manifest, options.seed_file));
  ASSIGN_OR_RETURN(auto acks, gather_acks(options, contest));
  ASSIGN_OR_RETURN(const auto book,
                   RedisScoreBook::open(options.redis.to_book(), contest, clock, log));
  ASSIGN_OR_RETURN(Score score, book->read());
  ASSIGN_OR_RETURN(auto closed_offsets, gather_closed_offsets(kafka, manifest.partitions, clock));
  ASSIGN_OR_RETURN(auto events, KafkaLog::open({.cluster = kafka.cluster,
                                                .topics = kafka.topics,
                                                .missing = MissingTopics::kRefuse,
                                                .partitions = manifest.partitions},
                                               clock, log));
  return Evidence{.contest = std::move(contest),
                  .manifest = std::move(manifest),
                  .acks = std::move(acks),
                  .score = std::move(score),
                  .events = std::move(events),
                  .closed_offsets = std::move(closed_offsets)};
}

base::Result<Proved> prove(const VerifyOptions& options, const base::Clock& clock,
                           base::Logger& log) {
  ASSIGN_OR_RETURN(Evidence evidence, options.data.empty()
                                          ? gather_from_cluster(options, clock, log)
                                          : gather_from_folder(options, clock, log));
  const Coin coin(*evidence.manifest.coin_seed);
  IdMemory memory(options.ids.to_options());
  const bool shows_progress = ::isatty(STDERR_FILENO) != 0;
  const auto show = [](std::int64_t records) {
    fmt::print(stderr, "\r{} records checked", records);
  };
  auto report =
      verify({.contest = evidence.contest,
              .coin = coin,
              .events = *evidence.events,
              .score = evidence.score,
              .closed_offsets = evidence.closed_offsets,
              .acks = evidence.acks ? &*evidence.acks : nullptr,
              .are_acks_complete = !options.are_acks_partial,
              .retry = RetryRule(evidence.manifest.retry_window),
              .memory = memory,
              .clock = clock,
              .on_progress = shows_progress ? std::function<void(std::int64_t)>(show) : nullptr});
  if (shows_progress) fmt::print(stderr, "\r\x1b[K");
  if (!report) return base::fail(std::move(report).error());
  if (options.data.empty() && report->records > 0 && evidence.score.positions.empty()) {
    report->differences.push_back(
        {.what = "empty scores of a log with results",
         .count = 1,
         .example = fmt::format(
             "Redis holds nothing under the prefix '{}': check redis-prefix, and that a tally runs",
             options.redis.prefix)});
  }
  return Proved{
      .report = *std::move(report), .commitment = coin.commitment(), .seed = coin.reveal()};
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
  const auto refuse = [](std::string message) {
    return base::fail(base::Code::kInvalidArgument, std::move(message));
  };
  if (options.data.empty() == options.kafka.brokers.empty()) {
    return refuse(
        "data, kafka: expected one of them, as in --data contest or --kafka 127.0.0.1:9092");
  }
  if (!options.data.empty()) return {};
  RETURN_IF_ERROR(options.kafka.check());
  return options.redis.check();
}

}  // namespace

int run_verify(base::Arguments arguments) {
  VerifyOptions options;
  options.kafka.brokers.clear();
  base::Settings settings = program().settings_for(
      "verify",
      "Proves that the acks of clients, the log and the score agree, and that every outcome is "
      "the\ncoin's. The exit status is 0 when they agree and 1 on a difference. Works while the "
      "contest runs,\nand after it stopped or died.",
      "  estadio verify --data contest\n"
      "  estadio verify --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0 "
      "--watch\n"
      "  estadio load http://127.0.0.1:8080 --acks acks.ndjson && estadio verify "
      "--data contest --acks acks.ndjson\n");
  settings.add("data", options.data, "DIR",
               "folder of a contest of `estadio all`; a contest on several machines has kafka and "
               "redis instead");
  options.kafka.add_to(settings);
  options.redis.add_to(settings);
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
  settings.add("contest", options.contest_file, "FILE",
               "contest.toml; default: the data folder's, or the built-in contest");
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
  return proved->report.is_proven() ? base::kExitOk : base::kExitFailed;
}

}  // namespace estadio
