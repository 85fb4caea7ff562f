#include "estadio/load/progress_line.h"

#include <unistd.h>

#include <fmt/format.h>
#include <string>
#include <utility>

#include "base/units.h"
#include "estadio/load/report.h"

namespace estadio::load {
namespace {

constexpr std::chrono::seconds kOnTerminal{1};
constexpr std::chrono::seconds kInLog{5};
constexpr std::string_view kClear = "\r\x1b[K";

std::string count_text(std::string_view title, std::uint64_t count) {
  return count == 0 ? "" : fmt::format("  {} {}", title, with_commas(count));
}

}  // namespace

ProgressLine::ProgressLine(const Options& options, const base::Clock& clock, base::Logger& log)
    : options_(options),
      clock_(clock),
      log_(log),
      is_terminal_(::isatty(options.fd) == 1),
      started_(clock.mono()),
      reported_at_(started_) {}

ProgressLine::~ProgressLine() {
  if (is_terminal_) write(kClear);
}

std::chrono::seconds ProgressLine::interval() const { return is_terminal_ ? kOnTerminal : kInLog; }

void ProgressLine::show(const Progress& progress, const base::Histogram& recent) {
  const base::Nanos now = clock_.mono();
  const double seconds =
      std::chrono::duration<double>(now - std::exchange(reported_at_, now)).count();
  const std::uint64_t accepted =
      progress.accepted_entries - std::exchange(accepted_, progress.accepted_entries);
  const double rate = seconds > 0 ? static_cast<double>(accepted) / seconds : 0;
  const double p99_ms = std::chrono::duration<double, std::milli>(recent.quantile(0.99)).count();
  const auto elapsed_s = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
  if (!is_terminal_) {
    log_.info("load", {{"elapsed_s", elapsed_s},
                       {"rate", rate},
                       {"accepted", progress.accepted_entries},
                       {"errors", progress.errors},
                       {"retries", progress.retries},
                       {"waiting", progress.waiting},
                       {"p99_ms", p99_ms}});
    return;
  }
  write(fmt::format(
      "{}{:>3} s of {}  {}/s  p99 {:.3g} ms  accepted {}  errors {}{}{}", kClear, elapsed_s,
      base::format_duration(options_.duration), with_commas(static_cast<std::uint64_t>(rate)),
      p99_ms, with_commas(progress.accepted_entries), with_commas(progress.errors),
      count_text("retries", progress.retries), count_text("waiting", progress.waiting)));
}

void ProgressLine::write(std::string_view text) const {
  // Ignore errors: a closed terminal must not end the run.
  [[maybe_unused]] const auto written = ::write(options_.fd, text.data(), text.size());
}

}  // namespace estadio::load
