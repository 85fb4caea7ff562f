#include "estadio/contest/entry_parser.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <simdjson.h>

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

enum class Type { kString, kInteger, kNumber, kTrue, kFalse, kNull, kObject, kArray };

std::string_view name_of(Type type) {
  switch (type) {
    case Type::kString: return "a text";
    case Type::kInteger: return "a whole number";
    case Type::kNumber: return "a number that is not whole";
    case Type::kTrue: return "true";
    case Type::kFalse: return "false";
    case Type::kNull: return "null";
    case Type::kObject: return "an object";
    case Type::kArray: return "an array";
  }
  return "something else";
}

// One value of an entry's field, checked to be JSON.
struct Value {
  Type type = Type::kNull;
  std::string_view text;  // of a string: decoded; of a number: its digits
};

// The start of a text, cut between characters.
std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 64;
  std::size_t size = std::min(text.size(), kShown);
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

// The first byte that is not UTF-8; the body is known to hold one.
std::size_t find_bad_utf8(std::string_view body) {
  // Validation of a prefix fails only from the first bad sequence on: bisect.
  std::size_t good = 0;
  std::size_t bad = body.size();
  while (bad - good > 4) {
    const std::size_t middle = good + (bad - good) / 2;
    // A cut inside a sequence is moved to its start.
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

// Reads JSON between `at` and `end`. Every method returns false at the first error, which is then
// in `error` with its place in `at`.
class Scanner {
 public:
  Scanner(const char* begin, const char* end, std::string& scratch)
      : at_(begin), end_(end), scratch_(scratch) {}

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] std::string_view error() const { return error_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }
  void advance() { ++at_; }

  bool fail(std::string_view what) {
    if (error_.empty()) error_ = at_ == end_ ? "the JSON ends here before it is complete" : what;
    return false;
  }

  bool expect(char c, std::string_view what) {
    if (peek() != c || at_ == end_) return fail(what);
    ++at_;
    return true;
  }

  bool fail_at(const char* at, std::string_view what) {
    at_ = at;
    error_ = what;
    return false;
  }

  // A string from its quote on. `text` points into the body, or into scratch when the string has
  // escapes: good until the next call.
  bool string(std::string_view& text) {
    if (!expect('"', "expected a text in double quotes")) return false;
    const char* start = at_;
    while (at_ != end_) {
      const char c = *at_;
      if (c == '"') {
        text = {start, static_cast<std::size_t>(at_ - start)};
        ++at_;
        return true;
      }
      if (c == '\\') return escaped_string(start, text);
      if (static_cast<unsigned char>(c) < 0x20) {
        return fail("a control character must be escaped in a text");
      }
      ++at_;
    }
    return fail("the text does not end");
  }

  bool value(Value& value) {
    switch (peek()) {
      case '"': value.type = Type::kString; return string(value.text);
      case '{': value.type = Type::kObject; return skip_nested();
      case '[': value.type = Type::kArray; return skip_nested();
      case 't': value.type = Type::kTrue; return word("true");
      case 'f': value.type = Type::kFalse; return word("false");
      case 'n': value.type = Type::kNull; return word("null");
      default: return number(value);
    }
  }

 private:
  bool word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size()) {
      const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
      if (expected.starts_with(rest)) at_ = end_;
      return fail("expected a JSON value");
    }
    if (std::memcmp(at_, expected.data(), expected.size()) != 0) {
      return fail("expected a JSON value");
    }
    at_ += expected.size();
    return true;
  }

  bool digits() {
    const char* start = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != start || fail("expected a digit");
  }

  bool number(Value& value) {
    const char* start = at_;
    value.type = Type::kInteger;
    if (peek() == '-') {
      ++at_;
    } else if (peek() < '0' || peek() > '9') {
      return fail("expected a JSON value");
    }
    if (peek() == '0' && at_ != end_) {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (peek() >= '0' && peek() <= '9') return fail("a number cannot begin with 0");
    if (peek() == '.') {
      value.type = Type::kNumber;
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      value.type = Type::kNumber;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    value.text = {start, static_cast<std::size_t>(at_ - start)};
    return true;
  }

  bool hex4(unsigned& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      unsigned digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<unsigned>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<unsigned>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<unsigned>(c - 'A') + 10;
      } else {
        return fail("expected four hexadecimal digits after \\u");
      }
      unit = unit * 16 + digit;
      ++at_;
    }
    return true;
  }

  void append_utf8(unsigned code) {
    const auto put = [this](unsigned byte) { scratch_ += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  bool unicode_escape() {
    const char* start = at_ - 2;
    unsigned code = 0;
    if (!hex4(code)) return false;
    if (code >= 0xDC00 && code <= 0xDFFF) {
      at_ = start;
      return fail("half of a surrogate pair");
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
      unsigned low = 0;
      if (end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u') {
        at_ += 2;
        if (!hex4(low)) return false;
      }
      if (low < 0xDC00 || low > 0xDFFF) {
        at_ = start;
        return fail("half of a surrogate pair");
      }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(code);
    return true;
  }

  // Goes on with a string at its first escape.
  bool escaped_string(const char* start, std::string_view& text) {
    scratch_.assign(start, at_);
    while (at_ != end_) {
      const char c = *at_;
      if (c == '"') {
        ++at_;
        text = scratch_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return fail("a control character must be escaped in a text");
      }
      ++at_;
      if (c != '\\') {
        scratch_ += c;
        continue;
      }
      if (at_ == end_) break;
      switch (*at_++) {
        case '"': scratch_ += '"'; break;
        case '\\': scratch_ += '\\'; break;
        case '/': scratch_ += '/'; break;
        case 'b': scratch_ += '\b'; break;
        case 'f': scratch_ += '\f'; break;
        case 'n': scratch_ += '\n'; break;
        case 'r': scratch_ += '\r'; break;
        case 't': scratch_ += '\t'; break;
        case 'u':
          if (!unicode_escape()) return false;
          break;
        default: --at_; return fail("unknown escape in a text");
      }
    }
    return fail("the text does not end");
  }

  // An object or array whose content is of no use: checked to be JSON and passed over.
  bool skip_nested() {
    std::uint64_t is_object = 0;  // a bit a level
    int depth = 0;
    while (true) {
      skip_space();
      const char c = peek();
      bool value_done = true;
      if (c == '{' || c == '[') {
        if (depth == EntryParser::kDepthMax - 1) return fail("nested deeper than 32 levels");
        is_object = is_object << 1 | (c == '{' ? 1 : 0);
        ++depth;
        ++at_;
        skip_space();
        if (peek() == (c == '{' ? '}' : ']')) {
          ++at_;
          is_object >>= 1;
          --depth;
        } else {
          if (c == '{' && !key()) return false;
          value_done = false;
        }
      } else {
        Value ignored;
        if (!value(ignored)) return false;
      }
      while (value_done) {
        if (depth == 0) return true;
        skip_space();
        const bool in_object = (is_object & 1) != 0;
        if (peek() == ',') {
          ++at_;
          skip_space();
          if (in_object && !key()) return false;
          value_done = false;
        } else if (peek() == (in_object ? '}' : ']')) {
          ++at_;
          is_object >>= 1;
          --depth;
        } else {
          return fail(in_object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
      }
    }
  }

  bool key() {
    std::string_view ignored;
    if (!string(ignored)) return false;
    skip_space();
    return expect(':', "expected ':' after the key");
  }

  const char* at_;
  const char* const end_;
  std::string& scratch_;
  std::string_view error_;
};

// Parses one body; the entries so far are in `batch`.
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
    Scanner scanner(body_.data(), body_.data() + body_.size(), scratch_);
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
      Scanner scanner(at, line_end, scratch_);
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

  // One entry from the scanner's place on; false when it is not JSON.
  bool entry(Scanner& scanner) {
    if (scanner.peek() != '{') {
      Value value;
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

  bool member(Scanner& scanner) {
    const char* key_at = scanner.at();
    std::string_view key;
    if (!scanner.string(key)) return false;
    const auto field = field_of(key);
    if (field) {
      if ((seen_ & 1U << *field) != 0) {
        return scanner.fail_at(key_at, "the key is there twice");
      }
      seen_ |= 1U << *field;
    } else {
      add_error(shortened(key),
                "unknown field; an entry has faculty, discipline, student, age and id");
    }
    scanner.skip_space();
    if (!scanner.expect(':', "expected ':' after the key")) return false;
    scanner.skip_space();
    Value value;
    if (!scanner.value(value)) return false;
    if (field) take(*field, value);
    return true;
  }

  void take(Field field, const Value& value) {
    switch (field) {
      case kFaculty: return take_faculty(value);
      case kDiscipline: return take_discipline(value);
      case kStudent: return take_student(value);
      case kAge: return take_age(value);
      case kId: return take_id(value);
      case kFieldCount: return;
    }
  }

  void take_faculty(const Value& value) {
    if (value.type != Type::kString) {
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
      return add_error("faculty", fmt::format("this path is for {} alone",
                                              contest_.faculties()[*options_.faculty].name));
    }
    entry_.faculty = *faculty;
  }

  // The number, or nothing when it is not whole or does not fit.
  static std::optional<std::int64_t> whole(const Value& value) {
    std::int64_t number = 0;
    const auto [end, error] =
        std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    if (value.type != Type::kInteger || error != std::errc{}) return std::nullopt;
    return number;
  }

  void take_discipline(const Value& value) {
    if (value.type != Type::kInteger) {
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

  void take_student(const Value& value) {
    if (value.type != Type::kString) {
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

  void take_age(const Value& value) {
    const auto age = whole(value);
    if (!age || *age < 0 || *age > Entry::kAgeMax) {
      return add_error("age", fmt::format("expected a whole number from 0 to {}", Entry::kAgeMax));
    }
    entry_.age = static_cast<std::int16_t>(*age);
  }

  void take_id(const Value& value) {
    const auto id = value.type == Type::kString ? base::Uuid::parse(value.text) : std::nullopt;
    if (!id) {
      return add_error("id", "expected a UUID, such as 0193b3e4-7c1a-7def-8abc-0123456789ab");
    }
    if (id->is_marked()) {
      // Not remembered, as no client gave it when it was counted: it would count once more.
      return add_error("id",
                       "this id was given by the server, to another entry: leave the id out, or "
                       "make one of your own");
    }
    if (const auto time_ms = id->time_ms()) {
      if (*time_ms < options_.id_oldest_ms) {
        return add_error("id",
                         "this version 7 id is older than the retry window: it cannot be told "
                         "whether it was counted");
      }
      if (*time_ms > options_.id_newest_ms) {
        return add_error("id", "this version 7 id lies in the future: check the sender's clock");
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
