#include "estadio/load/json_reader.h"

#include <optional>
#include <simdjson.h>

#include "base/json.h"
#include "base/uuid.h"

namespace estadio::load {
namespace {

namespace dom = simdjson::dom;

// Reads the answer to one entry, as estadio writes it. Returns nothing for any other text.
std::optional<Answer> match_answer(std::string_view body) {
  constexpr std::string_view kId = R"({"id":")";
  constexpr std::string_view kOutcome = R"(","outcome":")";
  constexpr std::string_view kRepeated = R"(,"repeated":true)";
  constexpr std::size_t kIdEnd = kId.size() + base::Uuid::kTextSize;
  if (!body.starts_with(kId) || body.size() < kIdEnd) return std::nullopt;
  Answer answer;
  answer.kind = Answer::Kind::kOne;
  answer.id = body.substr(kId.size(), base::Uuid::kTextSize);
  if (!body.substr(kIdEnd).starts_with(kOutcome)) return std::nullopt;
  std::string_view rest = body.substr(kIdEnd + kOutcome.size());
  for (const std::string_view outcome : {"winner", "loser"}) {
    if (rest.starts_with(outcome)) answer.outcome = rest.substr(0, outcome.size());
  }
  if (answer.outcome.empty()) return std::nullopt;
  rest.remove_prefix(answer.outcome.size());
  if (!rest.starts_with('"')) return std::nullopt;
  rest.remove_prefix(1);
  if (rest.starts_with(kRepeated)) {
    answer.repeated = 1;
    rest.remove_prefix(kRepeated.size());
  }
  const bool ends = rest == "}" || rest == "}\n";
  // A UUID has no quote and no escape, so the match cannot be wrong.
  const auto uuid = base::Uuid::parse(answer.id);
  if (!ends || !uuid) return std::nullopt;
  answer.uuid = *uuid;
  return answer;
}

// Returns the entry's faculty and discipline as members for its ack.
std::string facts_of(const dom::object& entry) {
  std::string facts;
  std::string_view faculty;
  if (entry.at_key("faculty").get(faculty) == simdjson::SUCCESS) {
    facts += R"(,"faculty":)";
    base::append_json_string(facts, faculty);
  }
  std::int64_t discipline = 0;
  if (entry.at_key("discipline").get(discipline) == simdjson::SUCCESS) {
    facts += R"(,"discipline":)";
    base::append_json_number(facts, discipline);
  }
  return facts;
}

// Gathers the members of an answer.
class AnswerMembers {
 public:
  void take(std::string_view key, dom::element value) {
    if (key == "id") {
      read_id(value);
    } else if (key == "outcome") {
      has_outcome_ = value.get(answer_.outcome) == simdjson::SUCCESS &&
                     (answer_.outcome == "winner" || answer_.outcome == "loser");
      expect(has_outcome_);
    } else if (key == "accepted") {
      has_accepted_ = value.get(answer_.accepted) == simdjson::SUCCESS;
      expect(has_accepted_);
    } else if (key == "winners") {
      has_winners_ = value.get(answer_.winners) == simdjson::SUCCESS;
      is_good_ &= has_winners_;
    } else if (key == "losers") {
      has_losers_ = value.get(answer_.losers) == simdjson::SUCCESS;
      is_good_ &= has_losers_;
    } else if (key == "repeated") {
      read_repeated(value);
    }
  }

  [[nodiscard]] Answer to_answer() {
    answer_.has_outcomes = has_winners_ && has_losers_;
    if (!is_answer_) {
      answer_.kind = Answer::Kind::kForeign;
    } else if (is_good_ && has_id_ && has_outcome_) {
      answer_.kind = Answer::Kind::kOne;
    } else if (is_good_ && has_accepted_) {
      answer_.kind = Answer::Kind::kSeveral;
    } else {
      answer_.kind = Answer::Kind::kMalformed;
    }
    return answer_;
  }

 private:
  void expect(bool is_good) {
    is_answer_ = true;
    is_good_ &= is_good;
  }
  void read_id(dom::element value) {
    const bool is_text = value.get(answer_.id) == simdjson::SUCCESS;
    const auto uuid = is_text ? base::Uuid::parse(answer_.id) : std::nullopt;
    has_id_ = uuid.has_value();
    if (uuid) answer_.uuid = *uuid;
    expect(has_id_);
  }
  void read_repeated(dom::element value) {
    bool is_repeated = false;
    if (value.get(is_repeated) == simdjson::SUCCESS) {
      answer_.repeated = is_repeated ? 1 : 0;
    } else {
      is_good_ &= value.get(answer_.repeated) == simdjson::SUCCESS;
    }
  }

  Answer answer_;
  bool is_answer_ = false;  // has a member that only answers have
  bool is_good_ = true;
  bool has_id_ = false;
  bool has_outcome_ = false;
  bool has_accepted_ = false;
  bool has_winners_ = false;
  bool has_losers_ = false;
};

}  // namespace

struct JsonReader::Parser {
  dom::parser parser;
};

JsonReader::JsonReader() : parser_(std::make_unique<Parser>()) {
  static_assert(kPadding >= simdjson::SIMDJSON_PADDING);
}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

base::Result<EntryFacts> JsonReader::read_entry(std::string_view line) {
  constexpr bool kCopyForPadding = false;
  dom::object object;
  const auto error =
      parser_->parser.parse(line.data(), line.size(), kCopyForPadding).get_object().get(object);
  if (error == simdjson::INCORRECT_TYPE) {
    return base::fail(base::Code::kInvalidArgument, "expected a JSON object");
  }
  if (error != simdjson::SUCCESS) {
    return base::fail(base::Code::kInvalidArgument, simdjson::error_message(error));
  }
  EntryFacts facts;
  facts.facts = facts_of(object);
  dom::element id;
  if (object.at_key("id").get(id) != simdjson::SUCCESS) return facts;
  facts.has_id = true;
  std::string_view text;
  if (id.get_string().get(text) != simdjson::SUCCESS || !base::Uuid::parse(text)) return facts;
  // The parser unescapes into its own memory. Find the same characters in the line. An escaped id
  // is not found and counts as no UUID.
  const std::size_t at = line.find(text);
  if (at != std::string_view::npos) facts.id = line.substr(at, text.size());
  return facts;
}

Answer JsonReader::read_answer(std::string_view body) {
  if (const auto answer = match_answer(body)) return *answer;
  return parse_answer(body);
}

std::string JsonReader::read_problem(std::string_view body) {
  constexpr bool kCopyForPadding = true;
  dom::object problem;
  if (parser_->parser.parse(body.data(), body.size(), kCopyForPadding).get_object().get(problem) !=
      simdjson::SUCCESS) {
    return {};
  }
  std::string_view detail;
  dom::array errors;
  dom::object first;
  if (problem.at_key("errors").get(errors) == simdjson::SUCCESS && errors.size() > 0 &&
      errors.at(0).get(first) == simdjson::SUCCESS &&
      first.at_key("detail").get(detail) == simdjson::SUCCESS) {
    std::string_view field;
    if (first.at_key("field").get(field) != simdjson::SUCCESS || field.empty()) {
      return std::string(detail);
    }
    return std::string(field) + ": " + std::string(detail);
  }
  if (problem.at_key("detail").get(detail) != simdjson::SUCCESS) return {};
  return std::string(detail);
}

Answer JsonReader::parse_answer(std::string_view body) {
  constexpr bool kCopyForPadding = true;
  dom::object object;
  if (!body.starts_with('{') && body.find_first_not_of(" \t\r\n") == 0) return {};
  if (parser_->parser.parse(body.data(), body.size(), kCopyForPadding).get_object().get(object) !=
      simdjson::SUCCESS) {
    return {};
  }
  AnswerMembers members;
  for (const dom::key_value_pair member : object) members.take(member.key, member.value);
  return members.to_answer();
}

}  // namespace estadio::load
