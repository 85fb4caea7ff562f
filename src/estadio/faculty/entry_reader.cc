#include "estadio/faculty/entry_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

// Returns the number. Returns nothing when it is not whole or does not fit.
std::optional<std::int64_t> whole(const JsonValue& value) {
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  if (value.type != JsonType::kInteger || error != std::errc{}) return std::nullopt;
  return number;
}

// Reads one entry.
class EntryReader {
 public:
  EntryReader(const EntryContext& context, EntryPlace place) : context_(context), place_(place) {}

  bool read(JsonScanner& scanner) {
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
    if (!read_members(scanner)) return false;
    complete();
    return true;
  }

 private:
  bool read_members(JsonScanner& scanner) {
    scanner.advance();
    scanner.skip_space();
    if (scanner.peek() == '}') {
      scanner.advance();
      return true;
    }
    while (true) {
      if (!read_member(scanner)) return false;
      scanner.skip_space();
      if (scanner.peek() != ',') return scanner.expect('}', "expected ',' or '}'");
      scanner.advance();
      scanner.skip_space();
    }
  }

  bool read_member(JsonScanner& scanner) {
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
    const auto faculty = context_.contest.find_faculty(value.text);
    if (!faculty) {
      std::string known;
      for (const Faculty& each : context_.contest.faculties()) {
        known += (known.empty() ? "" : ", ") + each.name;
      }
      return add_error("faculty", fmt::format("unknown faculty; known are {}", known));
    }
    if (context_.options.faculty && *faculty != *context_.options.faculty) {
      return add_error("faculty",
                       fmt::format("this path takes entries of {} alone",
                                   context_.contest.faculties()[*context_.options.faculty].name));
    }
    entry_.faculty = *faculty;
  }

  void take_discipline(const JsonValue& value) {
    if (value.type != JsonType::kInteger) {
      return add_error("discipline",
                       fmt::format("expected a whole number, got {}", name_of(value.type)));
    }
    const auto number = whole(value);
    const auto discipline = number ? context_.contest.find_discipline(*number) : std::nullopt;
    if (!discipline) {
      std::string known;
      for (const Discipline& each : context_.contest.disciplines()) {
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
    entry_.student_at = static_cast<std::uint32_t>(context_.batch.text.size());
    entry_.student_size = static_cast<std::uint8_t>(value.text.size());
    context_.batch.text += value.text;
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
    if (auto why = context_.contest.why_refused(*id)) return add_error("id", *std::move(why));
    if (context_.options.judges) {
      if (auto why = why_refused(*id, *context_.options.judges)) {
        return add_error("id", *std::move(why));
      }
    }
    entry_.id = *id;
    entry_.is_id_given = true;
  }

  void complete() {
    if ((seen_ & 1U << kFaculty) == 0) {
      if (context_.options.faculty) {
        entry_.faculty = *context_.options.faculty;
      } else {
        add_error("faculty", "is missing");
      }
    }
    if ((seen_ & 1U << kDiscipline) == 0) add_error("discipline", "is missing");
    if (!entry_.is_id_given) entry_.id = context_.ids.next_marked(context_.options.now_ms);
    context_.batch.entries.push_back(entry_);
  }

  void add_error(std::string field, std::string detail) {
    if (context_.errors.size() == Rejection::kErrorsMax) return;
    context_.errors.push_back({.field = std::move(field),
                               .detail = std::move(detail),
                               .line = place_.line,
                               .index = place_.index});
  }

  const EntryContext& context_;
  const EntryPlace place_;
  Entry entry_;
  unsigned seen_ = 0;  // a bit for each Field
};

}  // namespace

bool read_entry(JsonScanner& scanner, const EntryContext& context, EntryPlace place) {
  return EntryReader(context, place).read(scanner);
}

}  // namespace estadio
