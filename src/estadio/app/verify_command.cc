// `estadio verify`: the proof from the command line.
#include <unistd.h>

#include <fmt/format.h>
#include <optional>

#include "base/log.h"
#include "estadio/app/commands.h"
#include "estadio/app/data_folder.h"
#include "estadio/contest/retry_window.h"
#include "estadio/log/disk_log.h"
#include "estadio/score/rocks_score_book.h"
#include "estadio/verify/verify.h"

namespace estadio {
namespace {

struct VerifyOptions {
  std::string data;
  std::string contest_file;
  std::string acks_file;
  bool are_acks_partial = false;
  bool is_json = false;
  bool reveals_seed = false;
};

struct Proved {
  VerifyReport report;
  std::string commitment;
  std::string seed;
};

base::Result<Proved> prove(const VerifyOptions& options, const base::Clock& clock,
                           base::Logger& log) {
  ASSIGN_OR_RETURN(const DataFolder folder,
                   DataFolder::open_to_read(options.data, options.contest_file));
  // In this order: what was acknowledged is in the log, and what is counted too, when it is read.
  std::optional<Acks> acks;
  if (!options.acks_file.empty()) {
    ASSIGN_OR_RETURN(acks, Acks::from_file(options.acks_file));
  }
  ASSIGN_OR_RETURN(const Score score, RocksScoreBook::read_from(folder.score_folder()));
  ASSIGN_OR_RETURN(const auto events, DiskLog::open_to_read(folder.log_folder(), clock, log));
  const Coin coin(folder.seed());
  const RetryWindow window(folder.rule().window.count(), 0);
  const bool shows_progress = ::isatty(STDERR_FILENO) != 0;
  const auto show = [](std::int64_t records) {
    fmt::print(stderr, "\r{} records checked", records);
  };
  auto report =
      verify({.contest = folder.contest(),
              .coin = coin,
              .events = *events,
              .score = score,
              .acks = acks ? &*acks : nullptr,
              .are_acks_complete = !options.are_acks_partial,
              .retention_ms = window.retention_ms(),
              .retry_ids = static_cast<std::size_t>(folder.rule().ids),
              .on_progress = shows_progress ? std::function<void(std::int64_t)>(show) : nullptr});
  if (shows_progress) fmt::print(stderr, "\r\x1b[K");
  if (!report) return base::fail(std::move(report).error());
  return Proved{
      .report = *std::move(report), .commitment = coin.commitment(), .seed = coin.reveal()};
}

}  // namespace

int run_verify(Arguments arguments) {
  VerifyOptions options;
  base::Settings settings =
      settings_for("verify",
                   "Proves that what clients were told was accepted, what the log holds and what "
                   "the score\ncounts are the same, and that every outcome is the coin's. Ends "
                   "with 0 when it is so, with 1\non a difference of one. Works while the contest "
                   "runs and after it stopped or died.",
                   "  estadio verify --data contest\n"
                   "  estadio load http://127.0.0.1:8080 --acks acks.ndjson && estadio verify "
                   "--data contest --acks acks.ndjson\n");
  settings.add("data", options.data, "DIR", "folder of the contest");
  settings.add("acks", options.acks_file, "FILE",
               "what clients were told: lines of {\"id\":\"…\",\"outcome\":\"winner\"}");
  settings.add("partial-acks", options.are_acks_partial,
               "the acks are of some clients only, or answers were lost: results without an ack "
               "are no difference");
  settings.add("contest", options.contest_file, "FILE",
               "contest.toml, when it is not the data folder's");
  settings.add("json", options.is_json, "print the report as JSON");
  settings.add(
      "reveal", options.reveals_seed,
      "print the coin's seed too, so that others can check; whoever knows it can choose ids "
      "that win, so only when no more entries are taken");
  settings.add_check([&options]() -> base::Result<void> {
    if (options.data.empty()) {
      return base::fail(base::Code::kInvalidArgument,
                        "data: expected a folder, as in --data contest");
    }
    return {};
  });
  if (const auto status = load_settings(settings, arguments)) return *status;

  const base::SystemClock clock;
  base::Logger log(clock, {});
  const auto proved = prove(options, clock, log);
  if (!proved) {
    print_error(proved.error().message());
    const base::Code code = proved.error().code();
    const bool is_usage = code == base::Code::kInvalidArgument || code == base::Code::kNotFound ||
                          code == base::Code::kFailedPrecondition;
    return is_usage ? kExitUsage : kExitFailed;
  }
  fmt::print("{}{}", options.is_json ? proved->report.to_json() : proved->report.to_text(),
             options.is_json ? "\n" : "");
  if (!options.is_json) {
    fmt::print("coin's commitment (SHA-256 of its seed): {}\n", proved->commitment);
  }
  if (options.reveals_seed) fmt::print("coin's seed: {}\n", proved->seed);
  return proved->report.is_proven() ? kExitOk : kExitFailed;
}

}  // namespace estadio
