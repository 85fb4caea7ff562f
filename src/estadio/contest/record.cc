#include "estadio/contest/record.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

#include "base/json.h"

namespace estadio {
namespace {

constexpr std::string_view kGiven = R"(,"given":true)";
constexpr std::string_view kAge = R"(,"age":)";
constexpr std::string_view kStudent = R"(,"student":)";

// Returns true when the whole text is one JSON string as append_json_string() writes it.
bool is_whole_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1 == text.size();
    }
  }
  return false;
}

// Removes the prefix `start` from `text`. Returns false when `text` does not have it.
bool take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

// The optional members at the end of a line.
struct Rest {
  std::string_view age;      // its digits; empty without an age
  std::string_view student;  // a JSON string; empty without a student
};

// Reads the text after `given`, without the closing brace. Returns nothing when it does not have
// the form of append().
std::optional<Rest> parse_rest(std::string_view text) {
  Rest rest;
  if (take(text, kAge)) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 3) return std::nullopt;
    rest.age = text.substr(0, digits);
    text.remove_prefix(digits);
  }
  if (take(text, kStudent)) {
    if (!is_whole_string(text)) return std::nullopt;
    rest.student = text;
    return rest;
  }
  if (!text.empty()) return std::nullopt;
  return rest;
}

}  // namespace

RecordFormat::RecordFormat(const Contest& contest) : disciplines_(contest.disciplines().size()) {
  for (const Faculty& faculty : contest.faculties()) {
    for (const Discipline& discipline : contest.disciplines()) {
      for (const Outcome outcome : {Outcome::kWinner, Outcome::kLoser}) {
        std::string& middle = middles_.emplace_back(R"(","faculty":)");
        base::append_json_string(middle, faculty.name);
        middle += R"(,"discipline":)";
        base::append_json_number(middle, discipline.id);
        middle += R"(,"outcome":")";
        middle += to_string(outcome);
        middle += '"';
        fixed_bytes_max_ = std::max(fixed_bytes_max_, middle.size());
      }
    }
  }
  fixed_bytes_max_ += kStart.size() + base::Uuid::kTextSize + kGiven.size() + kAge.size() +
                      std::string_view("999").size() + kStudent.size() +
                      std::string_view("\"\"}\n").size();
}

void RecordFormat::append(std::string& out, const Entry& entry, std::string_view student,
                          Outcome outcome) const {
  const std::string& what = middle(entry.faculty, entry.discipline, outcome);
  const std::size_t start = out.size();
  out.resize(start + kStart.size() + base::Uuid::kTextSize + what.size());
  char* at = out.data() + start;
  std::memcpy(at, kStart.data(), kStart.size());
  at = entry.id.format_to(at + kStart.size());
  std::memcpy(at, what.data(), what.size());
  if (entry.is_id_given) out += kGiven;
  if (entry.age != Entry::kNoAge) {
    out += kAge;
    base::append_json_number(out, std::int64_t{entry.age});
  }
  if (entry.has_student) {
    out += kStudent;
    base::append_json_string(out, student);
  }
  out += "}\n";
}

std::optional<Record> RecordFormat::parse(std::string_view line) const {
  const auto head = parse_head(line);
  if (!head || !parse_rest(head->rest)) return std::nullopt;
  return head->record;
}

std::optional<EntryContent> RecordFormat::parse_content(std::string_view line) const {
  const auto head = parse_head(line);
  const auto rest = head ? parse_rest(head->rest) : std::nullopt;
  if (!rest) return std::nullopt;
  EntryContent content{.faculty = head->record.faculty, .discipline = head->record.discipline};
  if (!rest->age.empty()) {
    std::from_chars(rest->age.data(), rest->age.data() + rest->age.size(), content.age);
  }
  if (!rest->student.empty()) content.student = digest_of_student(rest->student);
  return content;
}

std::optional<RecordFormat::Head> RecordFormat::parse_head(std::string_view line) const {
  constexpr std::size_t kMiddleAt = kIdAt + base::Uuid::kTextSize;
  if (line.size() <= kMiddleAt || !line.starts_with(kStart) || !line.ends_with('}')) {
    return std::nullopt;
  }
  const auto id = base::Uuid::parse(id_text(line));
  if (!id) return std::nullopt;
  std::string_view rest = line.substr(kMiddleAt, line.size() - kMiddleAt - 1);  // without the brace
  // Comparing beats parsing: there are few candidates and they differ early.
  for (std::size_t i = 0; i < middles_.size(); ++i) {
    if (!take(rest, middles_[i])) continue;
    const bool is_id_given = take(rest, kGiven);
    return Head{.record = {.id = *id,
                           .faculty = static_cast<FacultyIndex>(i / 2 / disciplines_),
                           .discipline = static_cast<DisciplineIndex>(i / 2 % disciplines_),
                           .outcome = i % 2 == 0 ? Outcome::kWinner : Outcome::kLoser,
                           .is_id_given = is_id_given},
                .rest = rest};
  }
  return std::nullopt;
}

base::Result<Record> RecordFormat::parse_logged(PartitionId partition,
                                                const LoggedRecord& logged) const {
  const auto record = parse(logged.line);
  if (record && record->outcome == partition.topic) return *record;
  return base::fail(
      base::Code::kCorruption,
      fmt::format("{}-{}, offset {}: not a result of this contest: {}", topic_name(partition.topic),
                  partition.number, logged.offset, logged.line.substr(0, 200)));
}

}  // namespace estadio
