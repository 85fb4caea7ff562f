#include "estadio/load/json_reader.h"

#include <simdjson.h>

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
  Answer answer{.id = body.substr(kId.size(), base::Uuid::kTextSize), .outcome = {}};
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
  if (!ends || !base::Uuid::parse(answer.id)) return std::nullopt;
  return answer;
}

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

std::optional<Answer> JsonReader::read_answer(std::string_view body) {
  if (auto answer = match_answer(body)) return answer;
  return parse_answer(body);
}

std::optional<Answer> JsonReader::parse_answer(std::string_view body) {
  constexpr bool kCopyForPadding = true;
  dom::object object;
  if (parser_->parser.parse(body.data(), body.size(), kCopyForPadding).get_object().get(object) !=
      simdjson::SUCCESS) {
    return std::nullopt;
  }
  Answer answer;
  const auto read_repeated = [&](dom::element value) {
    bool is_repeated = false;
    if (value.get_bool().get(is_repeated) == simdjson::SUCCESS) {
      answer.repeated = is_repeated ? 1 : 0;
      return true;
    }
    return value.get_uint64().get(answer.repeated) == simdjson::SUCCESS;
  };
  bool has_counts = false;
  for (const dom::key_value_pair member : object) {
    bool is_good = true;
    if (member.key == "id") is_good = member.value.get_string().get(answer.id) == simdjson::SUCCESS;
    if (member.key == "outcome") {
      is_good = member.value.get_string().get(answer.outcome) == simdjson::SUCCESS;
    }
    if (member.key == "repeated") is_good = read_repeated(member.value);
    if (member.key == "accepted") has_counts = member.value.is_uint64();
    if (!is_good) return std::nullopt;
  }
  const bool is_of_one =
      base::Uuid::parse(answer.id) && (answer.outcome == "winner" || answer.outcome == "loser");
  if (!is_of_one && !has_counts) return std::nullopt;
  return answer;
}

}  // namespace estadio::load
