#include "estadio/score/score_encoding.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/units.h"

namespace estadio {

namespace {

// Reads 16 hexadecimal digits.
std::optional<std::uint64_t> chain_of(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  std::uint64_t chain = 0;
  if (text.size() != kDigits || text.find_first_not_of("0123456789abcdef") != text.npos) {
    return std::nullopt;
  }
  std::from_chars(text.data(), text.data() + text.size(), chain, 16);
  return chain;
}

// Takes the text up to the next blank.
std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

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

std::string text_of(const PartitionState& state) {
  return fmt::format("{} {} {:016x} {:016x}{}", state.incarnation.to_string(), state.next_offset,
                     state.chain.before_last, state.chain.all,
                     state.end_mark ? fmt::format(" {}", *state.end_mark) : "");
}

std::optional<PartitionState> state_of(std::string_view text) {
  std::string_view rest = text;
  const auto incarnation = base::Uuid::parse(take_word(rest));
  const auto next_offset = number_of(take_word(rest));
  const auto before_last = chain_of(take_word(rest));
  const auto all = chain_of(take_word(rest));
  if (!incarnation || !next_offset || !before_last || !all) return std::nullopt;
  const auto end_mark = number_of(rest);
  if (!rest.empty() && (!end_mark || *end_mark >= *next_offset)) return std::nullopt;
  const PartitionState state{.incarnation = *incarnation,
                             .next_offset = *next_offset,
                             .chain = {.before_last = *before_last, .all = *all},
                             .end_mark = end_mark};
  // A commit compares texts: there is one for each state.
  return text_of(state) == text ? std::optional(state) : std::nullopt;
}

}  // namespace estadio
