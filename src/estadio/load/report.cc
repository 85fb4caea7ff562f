#include "estadio/load/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "base/json.h"
#include "base/printable.h"

namespace estadio::load {
namespace {

using base::JsonObject;

double to_ms(base::Nanos duration) { return static_cast<double>(duration.count()) / 1e6; }

struct Figure {
  std::string_view key;    // in JSON
  std::string_view title;  // in text
  double ms;
};
std::array<Figure, 6> figures_of(const base::Histogram& histogram) {
  return {{{"p50", "p50", to_ms(histogram.quantile(0.5))},
           {"p90", "p90", to_ms(histogram.quantile(0.9))},
           {"p99", "p99", to_ms(histogram.quantile(0.99))},
           {"p999", "p99.9", to_ms(histogram.quantile(0.999))},
           {"max", "max", to_ms(histogram.max())},
           {"mean", "mean", to_ms(histogram.mean())}}};
}

// Three decimals below 1 ms, fewer above: 0.123, 1.23, 12.3, 1230.
std::string ms_text(double ms) {
  const int decimals = ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return fmt::format("{:.{}f}", ms, decimals);
}

void add(JsonObject& object, std::string_view name, const base::Histogram& histogram) {
  constexpr int kNanosecond = 6;
  JsonObject figures(object.key(name));
  for (const Figure& each : figures_of(histogram)) figures.add(each.key, each.ms, kNanosecond);
  figures.close();
}

std::string latency_row(std::string_view title, const base::Histogram& histogram) {
  std::string row = fmt::format("  {:<10}", title);
  for (const Figure& each : figures_of(histogram)) row += fmt::format("{:>9}", ms_text(each.ms));
  return row;
}

std::string errors_text(const Measurements& measured) {
  if (measured.errors.empty()) return "none";
  std::string text;
  for (const auto& [kind, count] : measured.errors) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, with_commas(count));
  }
  return text;
}

// A line for each kind of error that has a reason.
std::string reasons_text(const Measurements& measured) {
  std::string text;
  for (const auto& [kind, count] : measured.errors) {
    const auto reason = measured.reasons.find(kind);
    if (reason == measured.reasons.end()) continue;
    text += fmt::format("            {}: {}\n", kind, reason->second);
  }
  return text;
}

}  // namespace

void Measurements::merge(const Measurements& other) {
  started = requests == 0 && answered == 0 ? other.started : std::min(started, other.started);
  ended = std::max(ended, other.ended);
  requests += other.requests;
  answered += other.answered;
  accepted_entries += other.accepted_entries;
  repeated_entries += other.repeated_entries;
  retries += other.retries;
  for (const auto& [kind, count] : other.errors) errors[kind] += count;
  reasons.insert(other.reasons.begin(), other.reasons.end());
  latency.merge(other.latency);
  service.merge(other.service);
  late.merge(other.late);
  cpu_share = std::max(cpu_share, other.cpu_share);
  busy_share = std::max(busy_share, other.busy_share);
}

std::uint64_t Report::entries() const {
  return measured.requests * static_cast<std::uint64_t>(batch);
}

double Report::duration_seconds() const { return to_ms(measured.ended - measured.started) / 1e3; }

double Report::rate_reached() const {
  const double seconds = duration_seconds();
  return seconds > 0 ? static_cast<double>(measured.accepted_entries) / seconds : 0;
}

std::uint64_t Report::error_count() const {
  std::uint64_t count = 0;
  for (const auto& each : measured.errors) count += each.second;
  return count;
}

std::string Report::wrong_answers() const {
  const auto count = measured.errors.find(kWrongAnswer);
  if (count == measured.errors.end()) return {};
  const auto reason = measured.reasons.find(kWrongAnswer);
  return fmt::format("{} answers do not fit what was sent{}{}", with_commas(count->second),
                     reason == measured.reasons.end() ? "" : "; the first: ",
                     reason == measured.reasons.end() ? "" : reason->second);
}

std::string Report::saturation() const {
  const base::Histogram& late = measured.late;
  const std::uint64_t late_sends = late.count() - late.count_at_most(kLateMax);
  std::string why;
  if (measured.busy_share > kBusyShareMax) {
    why = fmt::format("it was busy {:.0f} % of the time, {:.0f} % on a processor",
                      measured.busy_share * 100, measured.cpu_share * 100);
  }
  if (late_sends > std::max(kLateSendsMax, late.count() / 100)) {
    why += fmt::format("{}{} sends were more than {} ms late", why.empty() ? "" : ", and ",
                       with_commas(late_sends), ms_text(to_ms(kLateMax)));
  }
  return why;
}

std::string with_commas(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string to_text(const Report& report) {
  const Measurements& measured = report.measured;
  std::string text = fmt::format(
      "{}\n"
      "  entries   {} accepted of {}: {} a second for {:.1f} s{}\n"
      "  requests  {} over {} connections, {} retries, {} entries repeated\n"
      "  errors    {}\n",
      base::printable(report.url), with_commas(measured.accepted_entries),
      with_commas(report.entries()),
      with_commas(static_cast<std::uint64_t>(std::llround(report.rate_reached()))),
      report.duration_seconds(), report.was_interrupted ? " (interrupted)" : "",
      with_commas(measured.requests), with_commas(static_cast<std::uint64_t>(report.connections)),
      with_commas(measured.retries), with_commas(measured.repeated_entries), errors_text(measured));

  text += reasons_text(measured);
  const auto unsent = measured.errors.find("unsent");
  const bool did_answer = !measured.errors.contains("connect") && !report.was_interrupted;
  if (unsent != measured.errors.end() && did_answer) {
    text += fmt::format(
        "            {} were never sent: the server did not keep up; try a lower --rate, more "
        "--connections or a larger --batch\n",
        with_commas(unsent->second));
  }
  text += fmt::format("  {:<10}", "ms");
  for (const Figure& each : figures_of(measured.latency)) {
    text += fmt::format("{:>9}", each.title);
  }
  text += fmt::format("\n{}   from the intended time\n{}   from the sending\n",
                      latency_row("latency", measured.latency),
                      latency_row("service", measured.service));

  if (const std::string why = report.saturation(); !why.empty()) {
    text += fmt::format(
        "  the generator was saturated: {}; the figures measure the generator as much as the "
        "server\n",
        why);
  } else {
    text += fmt::format("  generator {:.0f} % of a core", measured.cpu_share * 100);
    if (measured.late.count() > 0) {
      text += fmt::format(", 99 % of sends at most {} ms late",
                          ms_text(to_ms(measured.late.quantile(0.99))));
    }
    text += '\n';
  }
  return text;
}

std::string to_json(const Report& report) {
  const Measurements& measured = report.measured;
  std::string json;
  JsonObject object(json);
  object.add("requests", measured.requests);
  object.add("entries", report.entries());
  object.add("accepted", measured.accepted_entries);
  object.add("rate", report.rate_reached(), 3);
  object.add("duration_s", report.duration_seconds(), 6);
  JsonObject errors(object.key("errors"));
  for (const auto& [kind, count] : measured.errors) errors.add(kind, count);
  errors.close();
  JsonObject reasons(object.key("reasons"));
  for (const auto& [kind, reason] : measured.reasons) {
    if (measured.errors.contains(kind)) reasons.add(kind, reason);
  }
  reasons.close();
  add(object, "latency_ms", measured.latency);
  add(object, "service_ms", measured.service);
  object.add("retries", measured.retries);
  object.add("repeated", measured.repeated_entries);

  JsonObject generator(object.key("generator"));
  generator.add("saturated", !report.saturation().empty());
  generator.add("late_ms_p99", to_ms(measured.late.quantile(0.99)), 6);
  generator.add("late_ms_max", to_ms(measured.late.max()), 6);
  generator.add("cpu_share", measured.cpu_share, 4);
  generator.add("busy_share", measured.busy_share, 4);
  generator.close();
  object.add("interrupted", report.was_interrupted);

  JsonObject asked(object.key("asked"));
  asked.add("url", report.url);
  if (report.rate) {
    asked.add("rate", *report.rate);
  } else {
    asked.add("rate", "max");
  }
  asked.add("batch", report.batch);
  asked.add("connections", report.connections);
  asked.add("threads", report.threads);
  asked.add("seed", report.seed);
  asked.close();
  object.close();
  return json;
}

}  // namespace estadio::load
