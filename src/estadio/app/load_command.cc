// `estadio load`: the load generator from the command line.
#include <fmt/format.h>

#include <chrono>
#include <stop_token>

#include "base/log.h"
#include "base/periodic_thread.h"
#include "base/signals.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/contest/contest.h"
#include "estadio/load/load.h"
#include "service/log_settings.h"

namespace estadio {
namespace {

constexpr std::chrono::milliseconds kSignalCheckEvery{100};

}  // namespace

int run_load_command(base::Arguments arguments) {
  LoadOptions options;
  std::string contest_file;
  base::Settings settings = program().settings_for(
      "load",
      "Sends entries at a steady rate and measures the answers. The loop is open: each entry has "
      "an\nintended time, whatever the server does. Its latency counts from that time.",
      "  estadio load http://127.0.0.1:8080 --rate 10000 --duration 10s\n"
      "  estadio load http://127.0.0.1:8080 --rate max --connections 256 --duration 5s\n"
      "  estadio load http://127.0.0.1:8080 --entries entries.ndjson --retry --acks acks.ndjson "
      "--json report.json\n");
  add_load_settings(settings, options);
  settings.add("contest", contest_file, "FILE",
               "contest.toml with the faculties and disciplines of generated entries");
  base::Logger::Options log_options;
  service::add_log_settings(settings, log_options);
  settings.add_check([&]() -> base::Result<void> {
    ASSIGN_OR_RETURN(const Contest contest, load_contest(contest_file));
    for (const Faculty& faculty : contest.faculties()) options.faculties.push_back(faculty.name);
    for (const Discipline& discipline : contest.disciplines()) {
      options.disciplines.push_back(discipline.id);
    }
    return {};
  });
  if (const auto status = program().load_settings(settings, arguments)) return *status;

  base::StopSignals signals;
  const base::SystemClock clock;
  base::Logger log(clock, log_options);
  std::stop_source stop;
  const base::PeriodicThread on_signal([&] {
    if (signals.wait_for_ms(0)) stop.request_stop();
    return kSignalCheckEvery;
  });
  const auto report = run_load(options, clock, log, stop.get_token());
  log.flush();  // before the report, which may go to the same terminal
  if (!report) {
    program().print_error(report.error().message());
    return report.error().code() == base::Code::kInvalidArgument ? base::kExitUsage
                                                                 : base::kExitFailed;
  }
  if (options.json != "-") fmt::print("{}", to_text(*report));
  if (const std::string wrong = report->wrong_answers(); !wrong.empty()) {
    program().print_error(wrong);
  }
  return load_exit_status(*report);
}

}  // namespace estadio
