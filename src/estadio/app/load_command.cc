// `estadio load`: the load generator from the command line.
#include <fmt/format.h>

#include <stop_token>
#include <thread>

#include "base/log.h"
#include "base/signals.h"
#include "estadio/app/commands.h"
#include "estadio/contest/contest.h"
#include "estadio/load/load.h"

namespace estadio {
namespace {

constexpr int kSignalCheckMs = 100;

}  // namespace

int run_load_command(Arguments arguments) {
  LoadOptions options;
  std::string contest_file;
  base::Settings settings = settings_for(
      "load",
      "Sends entries at a steady rate and measures the answers. The loop is open: an entry starts "
      "at\n"
      "its intended time whatever the server does, and its latency counts from then.",
      "  estadio load http://127.0.0.1:8080 --rate 10000 --duration 10s\n"
      "  estadio load http://127.0.0.1:8080 --rate max --connections 256 --duration 5s\n"
      "  estadio load http://127.0.0.1:8080 --entries entries.ndjson --retry --acks acks.ndjson "
      "--json report.json\n");
  add_load_settings(settings, options);
  settings.add("contest", contest_file, "FILE",
               "contest.toml, for the faculties and disciplines of generated entries");
  base::Logger::Options log_options;
  add_log_settings(settings, log_options);
  settings.add_check([&]() -> base::Result<void> {
    Contest contest = Contest::defaults();
    if (!contest_file.empty()) {
      ASSIGN_OR_RETURN(contest, Contest::from_file(contest_file));
    }
    for (const Faculty& faculty : contest.faculties()) options.faculties.push_back(faculty.name);
    for (const Discipline& discipline : contest.disciplines()) {
      options.disciplines.push_back(discipline.id);
    }
    return {};
  });
  if (const auto status = load_settings(settings, arguments)) return *status;

  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, log_options);
  std::stop_source stop;
  std::jthread on_signal([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      if (signals.wait_for_ms(kSignalCheckMs)) stop.request_stop();
    }
  });
  const auto report = run_load(options, clock, log, stop.get_token());
  if (!report) {
    print_error(report.error().message());
    return report.error().code() == base::Code::kInvalidArgument ? kExitUsage : kExitFailed;
  }
  if (options.json != "-") fmt::print("{}", to_text(*report));
  return load_exit_status(*report);
}

}  // namespace estadio
