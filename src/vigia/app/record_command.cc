// `vigia record`: a recording of what a host's processes use.
//
//   Source -> Sample -> RecordingFile
#include <unistd.h>

#include <chrono>
#include <fmt/format.h>
#include <string>

#include "base/settings.h"
#include "base/signals.h"
#include "base/units.h"
#include "vigia/app/commands.h"
#include "vigia/app/sampler.h"
#include "vigia/history/recording_file.h"

namespace vigia {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kIntervalMin{10};
constexpr std::chrono::hours kIntervalMax{24};

struct RecordOptions {
  std::string file;
  SourceChoice source = SourceChoice::kAuto;
  std::chrono::nanoseconds interval = std::chrono::seconds(10);
  std::int64_t count = 0;
  std::chrono::nanoseconds duration{0};
  bool appends = false;
};

void add_settings(base::Settings& settings, RecordOptions& options) {
  settings.add_positional("file", options.file, "the recording to create; - is standard output");
  add_source_setting(settings, options.source);
  settings.add("interval", options.interval, kIntervalMin, kIntervalMax,
               "time between two samples");
  settings.add("count", options.count, 0, INT64_MAX, "number of samples to take; 0: no limit");
  settings.add("duration", options.duration, std::chrono::nanoseconds(0), base::kDurationMax,
               "longest time of the recording; 0: no limit");
  settings.add("append", options.appends, "append to the file if it exists");
  settings.add_check([&options]() -> base::Result<void> {
    if (options.file != "-" || !options.appends) return {};
    return base::fail(base::Code::kInvalidArgument, "append: needs a file, not standard output");
  });
}

base::Result<RecordingFile> open_file(const RecordOptions& options) {
  if (options.file == "-") return RecordingFile::standard_output();
  auto file = RecordingFile::open(options.file, options.appends ? RecordingFile::Existing::kAppend
                                                                : RecordingFile::Existing::kRefuse);
  if (!file && file.error().code() == base::Code::kAlreadyExists && !options.appends) {
    return base::fail(base::Code::kAlreadyExists, file.error().message() + ": see --append");
  }
  if (file && file->bytes_cut() > 0) {
    program().print_error(
        fmt::format("the last line of {} was cut short: its {} bytes were removed", options.file,
                    file->bytes_cut()));
  }
  return file;
}

// Waits until `then`; returns true if a signal ends the recording before.
bool ends_before(steady_clock::time_point then, base::StopSignals& signals) {
  while (true) {
    const auto left = ceil<milliseconds>(then - steady_clock::now());
    if (left <= milliseconds(0)) return false;
    if (signals.wait_for_ms(static_cast<int>(left.count()))) return true;
  }
}

base::Result<void> record(const RecordOptions& options, base::StopSignals& signals) {
  ASSIGN_OR_RETURN(Sampler sampler, Sampler::open(options.source));
  if (!sampler.warning().empty()) program().print_error(sampler.warning());
  ASSIGN_OR_RETURN(RecordingFile file, open_file(options));
  const bool shows_progress = ::isatty(STDERR_FILENO) == 1;
  const auto begin = steady_clock::now();
  Sample sample;
  base::Result<void> done;
  for (std::int64_t count = 1; true; ++count) {
    done = sampler.read(sample);
    if (done) done = file.append(sample);
    if (!done) break;
    if (shows_progress) {
      fmt::print(stderr, "\r{} samples, {:.1f} MiB", count,
                 static_cast<double>(file.bytes()) / (1 << 20));
    }
    if (count == options.count) break;
    // Skip the moments that passed while the sample was written.
    const auto passed = (steady_clock::now() - begin) / options.interval;
    const auto next = (passed + 1) * options.interval;
    if (options.duration.count() > 0 && next > options.duration) break;
    if (ends_before(begin + next, signals)) break;
  }
  if (shows_progress) fmt::print(stderr, "\n");
  auto synced = file.sync();
  return done ? synced : done;
}

}  // namespace

int run_record(base::Arguments arguments) {
  RecordOptions options;
  base::Settings settings =
      program().settings_for("record",
                             "Records what every process of this host uses: a sample a line, as "
                             "JSON. SIGINT or SIGTERM\nends the recording.",
                             "  vigia record host.ndjson --interval 10s\n"
                             "  vigia snapshot --from host.ndjson --format table\n"
                             "  vigia record - --count 1 | jq '.processes | length'\n");
  add_settings(settings, options);
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  base::StopSignals signals;
  if (const auto done = record(options, signals); !done) {
    program().print_error(done.error().message());
    return base::kExitFailed;
  }
  return base::kExitOk;
}

}  // namespace vigia
