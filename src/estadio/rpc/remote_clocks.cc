#include "estadio/rpc/remote_clocks.h"

#include <algorithm>
#include <utility>

#include "base/units.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;

}  // namespace

milliseconds RemoteClocks::own_offset() const {
  return milliseconds(clock_.wall_ms()) - std::chrono::duration_cast<milliseconds>(clock_.mono());
}

void RemoteClocks::update(std::span<const Reading> readings) {
  if (readings.empty()) return;
  const auto [earliest, latest] = std::ranges::minmax(readings, {}, &Reading::offset);
  earliest_offset_ms_.store(earliest.offset.count(), std::memory_order_relaxed);
  latest_offset_ms_.store(latest.offset.count(), std::memory_order_relaxed);
  window_ms_.store(readings.front().rule.window_ms(), std::memory_order_relaxed);
  // It is enough that one server knows that the contest ends: it ends for all, and for good.
  if (std::ranges::find(readings, IdCheck::kAnyTime, &Reading::check) != readings.end()) {
    check_.store(IdCheck::kAnyTime, std::memory_order_relaxed);
  }
  warn_if_apart(readings);
  const std::scoped_lock lock(mutex_);
  readings_.assign(readings.begin(), readings.end());
}

void RemoteClocks::warn_if_apart(std::span<const Reading> readings) {
  auto [earliest, latest] = std::ranges::minmax(readings, {}, &Reading::offset);
  const Reading own{.address = "this server", .offset = own_offset()};
  if (own.offset < earliest.offset) earliest = own;
  if (own.offset > latest.offset) latest = own;
  const bool is_apart = latest.offset - earliest.offset > kApartMax;
  if (std::exchange(is_apart_, is_apart) == is_apart) return;
  if (!is_apart) return log_.info("the servers' clocks agree again", {});
  const auto now = std::chrono::duration_cast<milliseconds>(clock_.mono());
  log_.warning("clocks of servers disagree: set them, as with chrony or systemd-timesyncd",
               {{"behind", earliest.address},
                {"behind_shows", base::format_time((now + earliest.offset).count())},
                {"ahead", latest.address},
                {"ahead_shows", base::format_time((now + latest.offset).count())}});
}

std::optional<JudgeTimes> RemoteClocks::now() const {
  const std::int64_t window_ms = window_ms_.load(std::memory_order_relaxed);
  if (window_ms == kUnknown) return std::nullopt;
  const std::int64_t mono_ms = std::chrono::duration_cast<milliseconds>(clock_.mono()).count();
  return JudgeTimes{.earliest_ms = mono_ms + earliest_offset_ms_.load(std::memory_order_relaxed),
                    .latest_ms = mono_ms + latest_offset_ms_.load(std::memory_order_relaxed),
                    .rule = RetryRule(milliseconds(window_ms)),
                    .check = check_.load(std::memory_order_relaxed)};
}

std::map<std::string, milliseconds> RemoteClocks::ahead_by_address() const {
  const milliseconds own = own_offset();
  std::map<std::string, milliseconds> ahead;
  const std::scoped_lock lock(mutex_);
  for (const Reading& reading : readings_) {
    const milliseconds its = reading.offset - own;
    const auto [furthest, is_first] = ahead.try_emplace(std::string(reading.address), its);
    if (std::chrono::abs(its) > std::chrono::abs(furthest->second)) furthest->second = its;
  }
  return ahead;
}

void write_metrics(base::MetricsWriter& metrics, const RemoteClocks& clocks) {
  for (const auto& [address, ahead] : clocks.ahead_by_address()) {
    metrics.gauge("estadio_judge_clock_ahead_seconds",
                  "How far a discipline server's clock is ahead of this server's, by address.",
                  static_cast<double>(ahead.count()) / 1000.0, {{"address", address}});
  }
}

}  // namespace estadio
