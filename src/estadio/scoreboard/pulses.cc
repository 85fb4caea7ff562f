#include "estadio/scoreboard/pulses.h"

#include "base/json.h"

namespace estadio {

void Pulses::advance(std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  if (now_ms - last_ms_ < kEveryMs && now_ms >= last_ms_) return;
  const Vitals::Totals totals = vitals_.totals();
  const base::Histogram recent = vitals_.take_recent_latencies();
  const bool is_first = last_ms_ == 0;
  const double seconds = static_cast<double>(now_ms - last_ms_) / 1000.0;
  const auto accepted = totals.accepted_entries + totals.repeated_entries;
  const double rate =
      is_first || seconds <= 0 ? 0 : static_cast<double>(accepted - last_accepted_) / seconds;
  last_ms_ = now_ms;
  last_accepted_ = accepted;

  std::string pulse = R"({"at_ms":)";
  base::append_json_number(pulse, now_ms);
  pulse += R"(,"rate":)";
  base::append_json_number(pulse, rate, 1);
  pulse += R"(,"p99_ms":)";
  if (recent.count() == 0) {
    pulse += "null";
  } else {
    base::append_json_number(pulse, static_cast<double>(recent.quantile(0.99).count()) / 1e6, 3);
  }
  pulse += R"(,"accepted":)";
  base::append_json_number(pulse, static_cast<std::int64_t>(accepted));
  pulse += R"(,"rejected":)";
  base::append_json_number(pulse, static_cast<std::int64_t>(totals.rejected_requests));
  pulse += R"(,"uncounted":)";
  base::append_json_number(pulse, uncounted_());
  pulse += '}';
  kept_.push_back(std::move(pulse));
  if (kept_.size() > kKept) kept_.pop_front();
  ++count_;
}

std::uint64_t Pulses::count() const {
  const std::scoped_lock lock(mutex_);
  return count_;
}

std::optional<std::string> Pulses::at(std::uint64_t number) const {
  const std::scoped_lock lock(mutex_);
  if (number >= count_ || count_ - number > kept_.size()) return std::nullopt;
  return kept_[kept_.size() - (count_ - number)];
}

std::string Pulses::all() const {
  const std::scoped_lock lock(mutex_);
  std::string array = "[";
  for (const std::string& pulse : kept_) {
    if (array.size() > 1) array += ',';
    array += pulse;
  }
  return array + "]";
}

}  // namespace estadio
