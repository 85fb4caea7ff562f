#include "estadio/scoreboard/stats_history.h"

#include "base/json.h"

namespace estadio {

void StatsHistory::advance(std::int64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  if (now_ms - last_ms_ < kEveryMs && now_ms >= last_ms_) return;
  const auto figures = source_();
  if (!figures) return;
  const bool is_first = last_ms_ == 0;
  const double seconds = static_cast<double>(now_ms - last_ms_) / 1000.0;
  // The number is smaller than before when the score was lost and is counted again.
  const bool has_rate = !is_first && seconds > 0 && figures->accepted >= last_accepted_;
  const double rate =
      has_rate ? static_cast<double>(figures->accepted - last_accepted_) / seconds : 0;
  last_ms_ = now_ms;
  last_accepted_ = figures->accepted;

  std::string point = R"({"at_ms":)";
  base::append_json_number(point, now_ms);
  point += R"(,"rate":)";
  base::append_json_number(point, rate, 1);
  point += R"(,"p99_ms":)";
  if (const auto& recent = figures->recent_latencies; recent && recent->count() > 0) {
    base::append_json_number(point, static_cast<double>(recent->quantile(0.99).count()) / 1e6, 3);
  } else {
    point += "null";
  }
  point += R"(,"accepted":)";
  base::append_json_number(point, static_cast<std::int64_t>(figures->accepted));
  point += R"(,"rejected":)";
  if (figures->rejected) {
    base::append_json_number(point, static_cast<std::int64_t>(*figures->rejected));
  } else {
    point += "null";
  }
  point += R"(,"lag":)";
  base::append_json_number(point, figures->lag);
  point += '}';
  kept_.push_back(std::move(point));
  if (kept_.size() > kKept) kept_.pop_front();
  ++count_;
}

std::uint64_t StatsHistory::count() const {
  const std::scoped_lock lock(mutex_);
  return count_;
}

std::optional<std::string> StatsHistory::at(std::uint64_t number) const {
  const std::scoped_lock lock(mutex_);
  if (number >= count_ || count_ - number > kept_.size()) return std::nullopt;
  return kept_[kept_.size() - (count_ - number)];
}

std::string StatsHistory::all() const {
  const std::scoped_lock lock(mutex_);
  std::string array = "[";
  for (const std::string& point : kept_) {
    if (array.size() > 1) array += ',';
    array += point;
  }
  return array + "]";
}

}  // namespace estadio
