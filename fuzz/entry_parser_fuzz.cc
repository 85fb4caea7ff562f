// Entries, compared with Boost.JSON. The two parsers may differ only where ours is stricter
// (duplicate keys, depth) or where Boost.JSON cannot hold a number. An accepted entry is read back
// from the log's line unchanged.
#include "estadio/faculty/entry_parser.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "base/check.h"
#include "estadio/contest/record.h"
#include "fuzz.h"

namespace {

using estadio::BodyFormat;
using estadio::Rejection;

const estadio::Contest& contest() {
  static const estadio::Contest contest = estadio::Contest::defaults();
  return contest;
}

enum class Opinion { kJson, kNotJson, kCannotSay };

Opinion opinion_on(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 100;
  boost::json::error_code error;
  static_cast<void>(boost::json::parse({text.data(), text.size()}, error, {}, options));
  if (!error) return Opinion::kJson;
  const bool is_limit = error == boost::json::error::exponent_overflow ||
                        error == boost::json::error::too_deep ||
                        error == boost::json::error::string_too_large;
  return is_limit ? Opinion::kCannotSay : Opinion::kNotJson;
}

// Checks all lines that are not blank: the body is not JSON when one line is not.
Opinion opinion_on_lines(std::string_view text) {
  Opinion all = Opinion::kJson;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Opinion opinion = opinion_on(line);
    if (opinion == Opinion::kNotJson) return opinion;
    if (opinion == Opinion::kCannotSay) all = opinion;
  }
  return all;
}

bool is_stricter_rule(const Rejection& rejection) {
  return rejection.detail.find("the key occurs twice") != std::string::npos ||
         rejection.detail.find("nested deeper than 32 levels") != std::string::npos;
}

void check_rejection(const Rejection& rejection, std::string_view input) {
  CHECK(!rejection.detail.empty());
  CHECK(rejection.offset <= input.size());
  CHECK(rejection.line <= 1 + std::count(input.begin(), input.end(), '\n'));
  CHECK(rejection.errors.size() <= Rejection::kErrorsMax);
  CHECK((rejection.kind == Rejection::Kind::kInvalid) == !rejection.errors.empty());
}

// The entry's line in the log is JSON with the same values, and is read back the same.
void check_record(const estadio::Entry& entry, std::string_view student) {
  static const estadio::RecordFormat format(contest());
  for (const auto outcome : {estadio::Outcome::kWinner, estadio::Outcome::kLoser}) {
    std::string line;
    format.append(line, entry, student, outcome);
    CHECK(line.ends_with('\n') && std::count(line.begin(), line.end(), '\n') == 1);
    line.pop_back();
    const auto record = format.parse(line);
    CHECK(record.has_value());
    CHECK(record->id == entry.id && record->is_id_given == entry.is_id_given);
    CHECK(record->faculty == entry.faculty && record->discipline == entry.discipline);
    CHECK(record->outcome == outcome);
    boost::json::error_code error;
    const auto value = boost::json::parse(line, error);
    CHECK(!error);
    const auto& object = value.as_object();
    CHECK(object.contains("student") == entry.has_student);
    if (entry.has_student) CHECK(object.at("student").as_string() == student);
    CHECK(object.contains("age") == (entry.age != estadio::Entry::kNoAge));
    if (entry.age != estadio::Entry::kNoAge) CHECK(object.at("age").as_int64() == entry.age);
  }
}

void check_body(std::string_view input, BodyFormat format, Opinion opinion) {
  static estadio::EntryParser parser(contest());
  estadio::EntryBatch batch;
  batch.entries.resize(1);
  batch.text = "before";
  const auto parsed = parser.parse(input,
                                   {.format = format,
                                    .faculty = std::nullopt,
                                    .entries_max = input.size() + 1,
                                    .judges = std::nullopt},
                                   batch);
  CHECK(batch.text.starts_with("before"));
  if (!parsed) {
    check_rejection(parsed.error(), input);
    CHECK(parsed.error().kind != Rejection::Kind::kTooMany);
    CHECK(batch.entries.size() == 1 && batch.text == "before");
  }
  const bool is_json = parsed || parsed.error().kind == Rejection::Kind::kInvalid;
  if (is_json) {
    CHECK(opinion != Opinion::kNotJson);
  } else if (opinion == Opinion::kJson) {
    CHECK(is_stricter_rule(parsed.error()));
  }
  if (!parsed) return;
  CHECK(parsed->count > 0 && batch.entries.size() == 1 + parsed->count);
  for (std::size_t i = 1; i < batch.entries.size(); ++i) {
    check_record(batch.entries[i], batch.student(batch.entries[i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check_body(input, BodyFormat::kJson, opinion_on(input));
  check_body(input, BodyFormat::kNdjson, opinion_on_lines(input));
  return 0;
}
