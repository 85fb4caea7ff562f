#include "estadio/scoreboard/score_json.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json.h"

namespace estadio {
namespace {

// Counts by name, in the order in which the names were first added.
class Sums {
 public:
  void add(const std::string& name, std::int64_t count) {
    const auto found = std::ranges::find(sums_, name, &Sum::first);
    if (found == sums_.end()) {
      sums_.emplace_back(name, count);
    } else {
      found->second += count;
    }
  }
  void append_to(std::string& json) const {
    json += '{';
    for (const auto& [name, count] : sums_) {
      if (json.back() != '{') json += ',';
      base::append_json_string(json, name);
      json += ':';
      base::append_json_number(json, count);
    }
    json += '}';
  }

 private:
  using Sum = std::pair<std::string, std::int64_t>;
  std::vector<Sum> sums_;
};

std::string discipline_name(const Contest& contest, std::int64_t id) {
  const auto index = contest.find_discipline(id);
  return index ? contest.disciplines()[*index].name : std::to_string(id);
}

void append_breakdown(std::string& json, const Score& score, const Contest& contest) {
  json += '[';
  for (const Score::Count& each : score.counts) {
    if (json.back() != '[') json += ',';
    json += R"({"faculty":)";
    base::append_json_string(json, each.faculty);
    json += R"(,"discipline":)";
    base::append_json_string(json, discipline_name(contest, each.discipline_id));
    json += R"(,"outcome":")";
    json += to_string(each.outcome);
    json += R"(","count":)";
    base::append_json_number(json, each.count);
    json += '}';
  }
  json += ']';
}

void append_positions(std::string& json, const Score& score, const ContestFacts& facts) {
  json += '[';
  for (const auto& [partition, end] : facts.ends) {
    if (json.back() != '[') json += ',';
    json += R"({"topic":")";
    json += topic_name(partition.topic);
    json += R"(","partition":)";
    base::append_json_number(json, std::int64_t{partition.number});
    json += R"(,"next_offset":)";
    base::append_json_number(json, score.position(partition));
    json += R"(,"end_offset":)";
    base::append_json_number(json, end);
    json += '}';
  }
  json += ']';
}

}  // namespace

std::string score_json(const Score& score, const Contest& contest, const ContestFacts& facts) {
  Sums by_faculty;
  Sums by_discipline;
  Sums by_outcome;
  for (const Faculty& faculty : contest.faculties()) by_faculty.add(faculty.name, 0);
  for (const Discipline& discipline : contest.disciplines()) by_discipline.add(discipline.name, 0);
  by_outcome.add("winner", 0);
  by_outcome.add("loser", 0);
  for (const Score::Count& each : score.counts) {
    by_faculty.add(each.faculty, each.count);
    by_discipline.add(discipline_name(contest, each.discipline_id), each.count);
    by_outcome.add(std::string(to_string(each.outcome)), each.count);
  }
  std::string json = R"({"total":)";
  base::append_json_number(json, score.total());
  json += R"(,"by_faculty":)";
  by_faculty.append_to(json);
  json += R"(,"by_discipline":)";
  by_discipline.append_to(json);
  json += R"(,"by_outcome":)";
  by_outcome.append_to(json);
  json += R"(,"breakdown":)";
  append_breakdown(json, score, contest);
  json += R"(,"repeated":)";
  base::append_json_number(json, score.not_counted.repeated);
  json += R"(,"not_in_time":)";
  base::append_json_number(json, score.not_counted.not_in_time);
  json += R"(,"after_end":)";
  base::append_json_number(json, score.not_counted.after_end);
  json += R"(,"positions":)";
  append_positions(json, score, facts);
  json += '}';
  return json;
}

std::string contest_json(const Contest& contest, const ContestFacts& facts) {
  std::string json = R"({"name":)";
  base::append_json_string(json, contest.name());
  json += R"(,"faculties":[)";
  for (const Faculty& faculty : contest.faculties()) {
    if (json.back() != '[') json += ',';
    base::append_json_string(json, faculty.name);
  }
  json += R"(],"disciplines":[)";
  for (const Discipline& discipline : contest.disciplines()) {
    if (json.back() != '[') json += ',';
    json += R"({"id":)";
    base::append_json_number(json, discipline.id);
    json += R"(,"name":)";
    base::append_json_string(json, discipline.name);
    json += '}';
  }
  json += R"(],"seed_commitment":")" + facts.coin_commitment + '"';
  if (const auto closes_at_ms = contest.closes_at_ms()) {
    json += R"(,"closes_at_ms":)";
    base::append_json_number(json, *closes_at_ms);
  }
  if (facts.coin_seed) json += R"(,"seed":")" + *facts.coin_seed + '"';
  json += R"(,"started_at_ms":)";
  base::append_json_number(json, facts.started_at_ms);
  json += R"(,"retry_window_seconds":)";
  base::append_json_number(json, static_cast<double>(facts.retry_window_ms) / 1000.0, 3);
  json += '}';
  return json;
}

}  // namespace estadio
