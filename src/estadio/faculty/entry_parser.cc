#include "estadio/faculty/entry_parser.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <simdjson.h>

#include "estadio/faculty/json_scanner.h"

namespace estadio {
namespace {

enum Field : unsigned { kFaculty, kDiscipline, kStudent, kAge, kId, kFieldCount };

constexpr std::array<std::string_view, kFieldCount> kFieldNames = {"faculty", "discipline",
                                                                   "student", "age", "id"};

std::optional<Field> field_of(std::string_view name) {
  for (unsigned field = 0; field < kFieldCount; ++field) {
    if (name == kFieldNames[field]) return static_cast<Field>(field);
  }
  return std::nullopt;
}

std::string_view name_of(JsonType type) {
  switch (type) {
    case JsonType::kString: return "a text";
    case JsonType::kInteger: return "a whole number";
    case JsonType::kNumber: return "a number that is not whole";
    case JsonType::kTrue: return "true";
    case JsonType::kFalse: return "false";
    case JsonType::kNull: return "null";
    case JsonType::kObject: return "an object";
    case JsonType::kArray: return "an array";
  }
  return "something else";
}

// Returns the start of a text, cut between characters.
std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 64;
  std::size_t size = std::min(text.size(), kShown);
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

// Returns the place of the first byte that is not UTF-8. REQUIRES: the body has one.
std::size_t find_bad_utf8(std::string_view body) {
  // Bisect: a prefix is valid exactly when it ends before the first bad sequence.
  std::size_t good = 0;
  std::size_t bad = body.size();
  while (bad - good > 4) {
    const std::size_t middle = good + (bad - good) / 2;
    // Move a cut inside a sequence to the sequence's start.
    std::size_t cut = middle;
    while (cut > good && (static_cast<unsigned char>(body[cut]) & 0xC0) == 0x80 &&
           middle - cut < 4) {
      --cut;
    }
    if (cut > good && simdjson::validate_utf8(body.data() + good, cut - good)) {
      good = cut;
    } else {
      bad = middle;
    }
  }
  while (good < body.size()) {
    std::size_t length = 1;
    while (length <= 4 && good + length <= body.size() &&
           !simdjson::validate_utf8(body.data() + good, length)) {
      ++length;
    }
    if (length > 4 || good + length > body.size()) return good;
    good += length;
  }
  return good;
}

// Parses one body into `batch`.
class BodyParser {
 public:
  BodyParser(const Contest& contest, base::UuidGenerator& ids, std::string_view body,
             const EntryParser::Options& options, EntryBatch& batch)
      : contest_(contest), ids_(ids), body_(body), options_(options), batch_(batch) {}

  tl::expected<EntryParser::Parsed, Rejection> run() {
    if (!simdjson::validate_utf8(body_.data(), body_.size())) {
      return malformed(body_.data() + find_bad_utf8(body_), "not UTF-8");
    }
    return options_.format == BodyFormat::kJson ? run_json() : run_ndjson();
  }

 private:
  using Outcome = tl::expected<EntryParser::Parsed, Rejection>;

  tl::unexpected<Rejection> malformed(const char* at, std::string_view what) {
    Rejection rejection;
    rejection.kind = Rejection::Kind::kMalformed;
    rejection.offset = static_cast<std::size_t>(at - body_.data());
    if (options_.format == BodyFormat::kNdjson) {
      rejection.line = 1 + std::count(body_.data(), at, '\n');
      rejection.detail = fmt::format("malformed JSON at byte {}, in line {}: {}", rejection.offset,
                                     rejection.line, what);
    } else {
      rejection.detail = fmt::format("malformed JSON at byte {}: {}", rejection.offset, what);
    }
    return tl::unexpected(std::move(rejection));
  }

  tl::unexpected<Rejection> too_many() {
    Rejection rejection;
    rejection.kind = Rejection::Kind::kTooMany;
    rejection.detail = fmt::format("a request takes at most {} entries", options_.entries_max);
    return tl::unexpected(std::move(rejection));
  }

  Outcome finish(std::size_t count, bool is_single) {
    if (count == 0 && errors_.empty()) add_error("", "expected at least one entry");
    if (!errors_.empty()) {
      Rejection rejection;
      rejection.kind = Rejection::Kind::kInvalid;
      rejection.detail =
          fmt::format("{}{}", errors_.front().field.empty() ? "" : errors_.front().field + ": ",
                      errors_.front().detail);
      rejection.errors = std::move(errors_);
      return tl::unexpected(std::move(rejection));
    }
    return EntryParser::Parsed{.count = count, .is_single = is_single};
  }

  Outcome run_json() {
    JsonScanner scanner(body_.data(), body_.data() + body_.size(), scratch_);
    scanner.skip_space();
    std::size_t count = 0;
    const bool is_array = scanner.peek() == '[';
    if (is_array) {
      scanner.advance();
      scanner.skip_space();
      if (scanner.peek() == ']') {
        scanner.advance();
      } else {
        while (true) {
          if (count == options_.entries_max) return too_many();
          index_ = static_cast<std::int64_t>(count++);
          scanner.skip_space();
          if (!entry(scanner)) return malformed(scanner.at(), scanner.error());
          scanner.skip_space();
          if (scanner.peek() == ',') {
            scanner.advance();
            continue;
          }
          if (!scanner.expect(']', "expected ',' or ']' after an entry")) {
            return malformed(scanner.at(), scanner.error());
          }
          break;
        }
      }
    } else {
      if (!entry(scanner)) return malformed(scanner.at(), scanner.error());
      count = 1;
    }
    scanner.skip_space();
    if (!scanner.at_end()) return malformed(scanner.at(), "expected nothing more after the JSON");
    index_ = -1;
    return finish(count, !is_array);
  }

  Outcome run_ndjson() {
    std::size_t count = 0;
    const char* at = body_.data();
    const char* const end = at + body_.size();
    while (at != end) {
      ++line_;
      const void* newline = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
      const char* line_end = newline == nullptr ? end : static_cast<const char*>(newline);
      JsonScanner scanner(at, line_end, scratch_);
      scanner.skip_space();
      if (!scanner.at_end()) {
        if (count == options_.entries_max) return too_many();
        ++count;
        if (!entry(scanner)) return malformed(scanner.at(), scanner.error());
        scanner.skip_space();
        if (!scanner.at_end()) return malformed(scanner.at(), "expected one entry a line");
      }
      at = line_end == end ? end : line_end + 1;
    }
    line_ = 0;
    return finish(count, false);
  }

  void add_error(std::string field, std::string detail) {
    if (errors_.size() < Rejection::kErrorsMax) {
      errors_.push_back(
          {.field = std::move(field), .detail = std::move(detail), .line = line_, .index = index_});
    }
  }

  // Reads one entry at the scanner's place. Returns false when it is not JSON.
  bool entry(JsonScanner& scanner) {
    if (scanner.peek() != '{') {
      JsonValue value;
      if (!scanner.value(value)) return false;
      add_error(
          "",
          fmt::format(
              "expected an entry, such as {{\"faculty\":\"Ingeniería\",\"discipline\":1}}, got {}",
              name_of(value.type)));
      return true;
    }
    scanner.advance();
    entry_ = Entry();
    seen_ = 0;
    scanner.skip_space();
    if (scanner.peek() == '}') {
      scanner.advance();
    } else {
      while (true) {
        if (!member(scanner)) return false;
        scanner.skip_space();
        if (scanner.peek() == ',') {
          scanner.advance();
          scanner.skip_space();
          continue;
        }
        if (!scanner.expect('}', "expected ',' or '}'")) return false;
        break;
      }
    }
    complete();
    return true;
  }

  bool member(JsonScanner& scanner) {
    const char* key_at = scanner.at();
    std::string_view key;
    if (!scanner.string(key)) return false;
    const auto field = field_of(key);
    if (field) {
      if ((seen_ & 1U << *field) != 0) {
        return scanner.fail_at(key_at, "the key occurs twice");
      }
      seen_ |= 1U << *field;
    } else {
      add_error(shortened(key),
                "unknown field; an entry has faculty, discipline, student, age and id");
    }
    scanner.skip_space();
    if (!scanner.expect(':', "expected ':' after the key")) return false;
    scanner.skip_space();
    JsonValue value;
    if (!scanner.value(value)) return false;
    if (field) take(*field, value);
    return true;
  }

  void take(Field field, const JsonValue& value) {
    switch (field) {
      case kFaculty: return take_faculty(value);
      case kDiscipline: return take_discipline(value);
      case kStudent: return take_student(value);
      case kAge: return take_age(value);
      case kId: return take_id(value);
      case kFieldCount: return;
    }
  }

  void take_faculty(const JsonValue& value) {
    if (value.type != JsonType::kString) {
      return add_error("faculty", fmt::format("expected a text, got {}", name_of(value.type)));
    }
    const auto faculty = contest_.find_faculty(value.text);
    if (!faculty) {
      std::string known;
      for (const Faculty& each : contest_.faculties()) {
        known += (known.empty() ? "" : ", ") + each.name;
      }
      return add_error("faculty", fmt::format("unknown faculty; known are {}", known));
    }
    if (options_.faculty && *faculty != *options_.faculty) {
      return add_error("faculty", fmt::format("this path takes entries of {} alone",
                                              contest_.faculties()[*options_.faculty].name));
    }
    entry_.faculty = *faculty;
  }

  // Returns the number. Returns nothing when it is not whole or does not fit.
  static std::optional<std::int64_t> whole(const JsonValue& value) {
    std::int64_t number = 0;
    const auto [end, error] =
        std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    if (value.type != JsonType::kInteger || error != std::errc{}) return std::nullopt;
    return number;
  }

  void take_discipline(const JsonValue& value) {
    if (value.type != JsonType::kInteger) {
      return add_error("discipline",
                       fmt::format("expected a whole number, got {}", name_of(value.type)));
    }
    const auto number = whole(value);
    const auto discipline = number ? contest_.find_discipline(*number) : std::nullopt;
    if (!discipline) {
      std::string known;
      for (const Discipline& each : contest_.disciplines()) {
        known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", each.id, each.name);
      }
      return add_error("discipline", fmt::format("unknown discipline; known are {}", known));
    }
    entry_.discipline = *discipline;
  }

  void take_student(const JsonValue& value) {
    if (value.type != JsonType::kString) {
      return add_error("student", fmt::format("expected a text, got {}", name_of(value.type)));
    }
    if (value.text.size() > Entry::kStudentBytesMax) {
      return add_error("student", fmt::format("expected at most {} bytes, got {}",
                                              Entry::kStudentBytesMax, value.text.size()));
    }
    if (value.text.find('\0') != std::string_view::npos) {
      return add_error("student", "a text cannot hold NUL");
    }
    entry_.has_student = true;
    entry_.student_at = static_cast<std::uint32_t>(batch_.text.size());
    entry_.student_size = static_cast<std::uint8_t>(value.text.size());
    batch_.text += value.text;
  }

  void take_age(const JsonValue& value) {
    const auto age = whole(value);
    if (!age || *age < 0 || *age > Entry::kAgeMax) {
      return add_error("age", fmt::format("expected a whole number from 0 to {}", Entry::kAgeMax));
    }
    entry_.age = static_cast<std::int16_t>(*age);
  }

  void take_id(const JsonValue& value) {
    const auto id = value.type == JsonType::kString ? base::Uuid::parse(value.text) : std::nullopt;
    if (!id) {
      return add_error("id", "expected a UUID, such as 0193b3e4-7c1a-7def-8abc-0123456789ab");
    }
    if (id->is_marked()) {
      // Refuse ids that a server gave. The tally does not remember them, so the entry would count
      // once more.
      return add_error(
          "id", "the server gave this id to another entry: leave the id out, or create a new one");
    }
    if (const auto time_ms = id->time_ms()) {
      if (*time_ms < options_.id_oldest_ms) {
        return add_error("id",
                         "this version 7 id is older than the retry window: the server cannot know "
                         "whether it was counted");
      }
      if (*time_ms > options_.id_newest_ms) {
        return add_error("id", "this version 7 id is in the future: check the sender's clock");
      }
    }
    entry_.id = *id;
    entry_.is_id_given = true;
  }

  void complete() {
    if ((seen_ & 1U << kFaculty) == 0) {
      if (options_.faculty) {
        entry_.faculty = *options_.faculty;
      } else {
        add_error("faculty", "is missing");
      }
    }
    if ((seen_ & 1U << kDiscipline) == 0) add_error("discipline", "is missing");
    if (!entry_.is_id_given) entry_.id = ids_.next_marked(options_.now_ms);
    batch_.entries.push_back(entry_);
  }

  const Contest& contest_;
  base::UuidGenerator& ids_;
  const std::string_view body_;
  const EntryParser::Options& options_;
  EntryBatch& batch_;
  std::string scratch_;
  std::vector<Rejection::FieldError> errors_;
  Entry entry_;
  unsigned seen_ = 0;
  std::int64_t line_ = 0;
  std::int64_t index_ = -1;
};

}  // namespace

tl::expected<EntryParser::Parsed, Rejection> EntryParser::parse(std::string_view body,
                                                                const Options& options,
                                                                EntryBatch& batch) {
  const std::size_t entries = batch.entries.size();
  const std::size_t text = batch.text.size();
  auto parsed = BodyParser(contest_, ids_, body, options, batch).run();
  if (!parsed) {
    batch.entries.resize(entries);
    batch.text.resize(text);
  }
  return parsed;
}

}  // namespace estadio
