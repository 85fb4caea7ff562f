#include "estadio/score/score_encoding.h"

#include <fmt/format.h>

#include "base/units.h"

namespace estadio {

std::optional<std::int64_t> number_of(std::string_view text, std::int64_t most) {
  const auto number = base::parse_integer(text, 0, most);
  const bool is_plain = !text.starts_with('-') && (text == "0" || !text.starts_with('0'));
  return number && is_plain ? std::optional(*number) : std::nullopt;
}

std::string name_of(PartitionId partition) {
  return fmt::format("{}/{}", topic_name(partition.topic), partition.number);
}

std::optional<PartitionId> partition_of(std::string_view name) {
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    const std::string_view prefix = topic_name(topic);
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    if (!name.starts_with('/')) return std::nullopt;
    const auto number = number_of(name.substr(1), INT32_MAX);
    if (!number) return std::nullopt;
    return PartitionId{.topic = topic, .number = static_cast<int>(*number)};
  }
  return std::nullopt;
}

}  // namespace estadio
