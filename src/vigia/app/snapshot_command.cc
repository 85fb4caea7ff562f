// `vigia snapshot`: what every process and container uses, shown once.
//
//   Source -> Sample, Sample -> Usage -> JSON, lines or a table
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/printable.h"
#include "base/settings.h"
#include "vigia/app/commands.h"
#include "vigia/app/sampler.h"
#include "vigia/app/usage_table.h"
#include "vigia/history/recorded_usage.h"
#include "vigia/sample/usage.h"
#include "vigia/sample/usage_json.h"

namespace vigia {
namespace {

enum class Format { kJson, kNdjson, kTable };
enum class Order { kCpu, kMemory, kPid, kName };

constexpr std::chrono::seconds kInterval{1};

struct SnapshotOptions {
  SourceChoice source = SourceChoice::kAuto;
  std::chrono::nanoseconds interval = kInterval;
  Format format = Format::kJson;
  Order order = Order::kPid;
  std::string filter;
  std::int64_t top = 0;
  std::string from;
  std::int64_t at = 0;
};

void add_settings(base::Settings& settings, SnapshotOptions& options) {
  add_source_setting(settings, options.source);
  settings.add("interval", options.interval, std::chrono::nanoseconds(0), std::chrono::hours(1),
               "time between the two samples; 0 takes one sample, without rates");
  settings.add_choice(
      "format", options.format,
      {{"json", Format::kJson}, {"ndjson", Format::kNdjson}, {"table", Format::kTable}},
      "format of the output");
  settings.add_choice("sort", options.order,
                      {{"cpu", Order::kCpu},
                       {"memory", Order::kMemory},
                       {"pid", Order::kPid},
                       {"name", Order::kName}},
                      "order of the processes: largest first, or by number or name");
  settings.add(
      "filter", options.filter, "TEXT",
      "show only processes with this text in their name, command line or control group's path");
  settings.add("top", options.top, 0, 1'000'000, "number of processes to show; 0: all");
  settings.add("from", options.from, "FILE", "show a recording of `vigia record`, not this host");
  settings.add("at", options.at, 0, INT64_MAX,
               "number of the recording's sample, from 1; 0: the last");
  settings.add_check([&options]() -> base::Result<void> {
    if (options.from.empty() && options.at != 0) {
      return base::fail(base::Code::kInvalidArgument, "at: needs a recording, named with --from");
    }
    if (!options.from.empty() && options.source != SourceChoice::kAuto) {
      return base::fail(base::Code::kInvalidArgument,
                        "source: leave it out with --from, as the recording has its own source");
    }
    if (!options.from.empty() && options.interval != kInterval) {
      return base::fail(
          base::Code::kInvalidArgument,
          "interval: leave it out with --from, as the recording has its own interval");
    }
    return {};
  });
}

// The places of the processes to show, in their order.
std::vector<std::size_t> chosen(const Usage& usage, const SnapshotOptions& options) {
  const auto& processes = usage.sample.processes;
  std::vector<std::size_t> places(processes.size());
  std::iota(places.begin(), places.end(), 0);
  std::erase_if(places, [&](std::size_t place) {
    const Process& process = processes[place];
    const auto has = [&](const std::string& text) {
      return text.find(options.filter) != std::string::npos;
    };
    // vigia's own command line holds the filter.
    const bool is_ours =
        options.from.empty() && !options.filter.empty() && process.pid == ::getpid();
    return is_ours || !(has(process.name) || has(process.command) || has(process.cgroup));
  });
  // They are in order of pid, which decides between equals.
  switch (options.order) {
    case Order::kCpu:
      std::ranges::stable_sort(places, std::ranges::greater(), [&](std::size_t place) {
        return std::pair(usage.cpu_percent[place], processes[place].cpu_ns());
      });
      break;
    case Order::kMemory:
      std::ranges::stable_sort(places, std::ranges::greater(),
                               [&](std::size_t place) { return processes[place].rss_bytes(); });
      break;
    case Order::kName:
      std::ranges::stable_sort(
          places, {}, [&](std::size_t place) -> const auto& { return processes[place].name; });
      break;
    case Order::kPid: break;
  }
  if (options.top > 0) {
    places.resize(std::min(places.size(), static_cast<std::size_t>(options.top)));
  }
  return places;
}

base::Result<Usage> recorded(const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(RecordedUsage found, usage_of_recording(options.from, options.at));
  if (found.is_cut) {
    program().print_error(options.from + ": the last line is cut short and was skipped");
  }
  return std::move(found.usage);
}

base::Result<Usage> take(const SnapshotOptions& options) {
  if (!options.from.empty()) return recorded(options);
  ASSIGN_OR_RETURN(Sampler sampler, Sampler::open(options.source));
  if (!sampler.warning().empty()) program().print_error(sampler.warning());
  Sample first;
  RETURN_IF_ERROR(sampler.read(first));
  if (options.interval.count() == 0) return usage_of(std::move(first));
  std::this_thread::sleep_for(options.interval);
  Sample second;
  RETURN_IF_ERROR(sampler.read(second));
  return usage_of(first, std::move(second));
}

void print_json(std::string json) {
  fmt::print("{}", base::json_for(STDOUT_FILENO, std::move(json)));
}

}  // namespace

int run_snapshot(base::Arguments arguments) {
  SnapshotOptions options;
  base::Settings settings =
      program().settings_for("snapshot",
                             "Shows what every process and container of this host uses: counters "
                             "since their start, and\nrates from two samples.",
                             "  vigia snapshot --format table --sort cpu --top 20\n"
                             "  vigia snapshot --interval 0 | jq '.processes | length'\n"
                             "  vigia snapshot --format ndjson --filter docker\n");
  add_settings(settings, options);
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  const auto usage = take(options);
  if (!usage) {
    program().print_error(usage.error().message());
    return base::kExitFailed;
  }
  const std::vector<std::size_t> places = chosen(*usage, options);
  switch (options.format) {
    case Format::kJson: print_json(to_json(*usage, places) + "\n"); break;
    case Format::kNdjson: print_json(to_ndjson(*usage, places)); break;
    case Format::kTable: fmt::print("{}", to_table(*usage, places)); break;
  }
  return base::kExitOk;
}

}  // namespace vigia
