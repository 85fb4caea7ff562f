#include "estadio/verify/acks.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <simdjson.h>
#include <tuple>
#include <utility>

namespace estadio {
namespace {

// Reads the lines of an acks file.
class AckParser {
 public:
  explicit AckParser(const Contest& contest) : contest_(contest) {}

  // Reads an object with an `id` and optional members. Ignores others. Returns nothing when the
  // line is not such an object.
  std::optional<Acks::Ack> parse(const std::string& line) {
    simdjson::dom::object object;
    if (parser_.parse(line).get(object) != simdjson::SUCCESS) return std::nullopt;
    Acks::Ack ack;
    unsigned seen = 0;
    for (const auto& [key, value] : object) {
      const auto member = std::ranges::find(kMembers, key);
      if (member == std::end(kMembers)) continue;
      const auto place = static_cast<unsigned>(member - std::begin(kMembers));
      if ((seen & 1U << place) != 0 || !take(place, value, ack)) return std::nullopt;
      seen |= 1U << place;
    }
    if ((seen & 1U << kId) == 0) return std::nullopt;
    return ack;
  }

 private:
  enum Member : unsigned { kId, kOutcome, kFaculty, kDiscipline };
  static constexpr std::string_view kMembers[] = {"id", "outcome", "faculty", "discipline"};

  bool take(unsigned member, simdjson::dom::element value, Acks::Ack& ack) const {
    if (member == kDiscipline) {
      std::int64_t id = 0;
      if (value.get(id) != simdjson::SUCCESS) return false;
      const auto found = contest_.find_discipline(id);
      ack.discipline = found ? std::int16_t{*found} : Acks::Ack::kNotOfContest;
      return true;
    }
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    if (member == kFaculty) {
      const auto found = contest_.find_faculty(text);
      ack.faculty = found ? std::int16_t{*found} : Acks::Ack::kNotOfContest;
      return true;
    }
    if (member == kId) {
      const auto id = base::Uuid::parse(text);
      if (id) ack.id = *id;
      return id.has_value();
    }
    ack.outcome = text == "winner" ? 0 : 1;
    return text == "winner" || text == "loser";
  }

  const Contest& contest_;
  simdjson::dom::parser parser_;
};

// Adds what `other`, an ack of the same id, says. Returns false, and changes nothing, when they
// contradict each other.
bool merge(Acks::Ack& ack, const Acks::Ack& other) {
  const auto agree = [](auto one, auto another) {
    return one == another || one == Acks::Ack::kNotSaid || another == Acks::Ack::kNotSaid;
  };
  if (!agree(ack.outcome, other.outcome) || !agree(ack.faculty, other.faculty) ||
      !agree(ack.discipline, other.discipline)) {
    return false;
  }
  const auto add = [](auto& one, auto another) {
    if (one == Acks::Ack::kNotSaid) one = another;
  };
  add(ack.outcome, other.outcome);
  add(ack.faculty, other.faculty);
  add(ack.discipline, other.discipline);
  return true;
}

}  // namespace

base::Result<Acks> Acks::from_file(const std::string& path, const Contest& contest) {
  std::ifstream file(path);
  if (!file) {
    return base::fail(base::Code::kInvalidArgument,
                      fmt::format("cannot open the acks file {}", path));
  }
  Acks acks;
  AckParser parser(contest);
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const auto ack = parser.parse(line);
    if (!ack && file.eof() && !line.ends_with('}') && !acks.acks_.empty()) {
      acks.is_cut_ = true;
      break;
    }
    if (!ack) {
      return base::fail(
          base::Code::kInvalidArgument,
          fmt::format("{}:{}: expected {{\"id\":\"UUID\",\"outcome\":\"winner\" or \"loser\","
                      "\"faculty\":\"NAME\",\"discipline\":NUMBER}}",
                      path, number));
    }
    acks.acks_.push_back(*ack);
  }
  if (!file.eof()) {
    return base::fail(base::Code::kInvalidArgument, fmt::format("cannot read {}", path));
  }
  const auto key = [](const Ack& ack) {
    return std::tie(ack.id.bytes, ack.outcome, ack.faculty, ack.discipline);
  };
  std::ranges::sort(acks.acks_, {}, key);
  // Acks of one id that agree become one. An ack that does not say something, which sorts first,
  // agrees with one that does. Acks that contradict each other stay two: one of them is wrong.
  std::vector<Ack> each;
  for (const Ack& ack : acks.acks_) {
    const bool is_known = !each.empty() && each.back().id == ack.id && merge(each.back(), ack);
    if (!is_known) each.push_back(ack);
  }
  acks.acks_ = std::move(each);
  return acks;
}

Acks::Ack* Acks::find(const base::Uuid& id) {
  const auto found =
      std::ranges::lower_bound(acks_, id.bytes, {}, [](const Ack& ack) { return ack.id.bytes; });
  return found == acks_.end() || found->id != id ? nullptr : &*found;
}

}  // namespace estadio
