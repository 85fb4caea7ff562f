#include "estadio/faculty/entry_parser.h"

#include <algorithm>
#include <fmt/format.h>
#include <simdjson.h>
#include <span>
#include <utility>

#include "estadio/contest/entry_content.h"
#include "estadio/faculty/entry_reader.h"
#include "estadio/faculty/json_scanner.h"

namespace estadio {
namespace {

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

// Parses one body into `batch`. A method that returns false has set `rejection_`.
class BodyParser {
 public:
  BodyParser(const Contest& contest, base::UuidGenerator& ids, std::string_view body,
             const EntryParser::Options& options, EntryBatch& batch)
      : body_(body),
        options_(options),
        context_{
            .contest = contest, .ids = ids, .options = options, .batch = batch, .errors = errors_} {
  }

  // `context_` refers to a member.
  BodyParser(const BodyParser&) = delete;
  BodyParser& operator=(const BodyParser&) = delete;

  tl::expected<EntryParser::Parsed, Rejection> run() {
    if (!read_body()) return tl::unexpected(std::move(rejection_));
    return EntryParser::Parsed{.count = count_, .is_single = is_single_};
  }

 private:
  bool read_body() {
    if (!simdjson::validate_utf8(body_.data(), body_.size())) {
      return malformed(body_.data() + find_bad_utf8(body_), "not UTF-8");
    }
    const bool is_read = options_.format == BodyFormat::kJson ? read_json() : read_ndjson();
    return is_read && check_entries();
  }

  bool read_json() {
    JsonScanner scanner(body_.data(), body_.data() + body_.size(), scratch_);
    scanner.skip_space();
    is_single_ = scanner.peek() != '[';
    if (!(is_single_ ? next_entry(scanner, {}) : read_array(scanner))) return false;
    scanner.skip_space();
    return scanner.at_end() || malformed(scanner.at(), "expected nothing more after the JSON");
  }

  bool read_array(JsonScanner& scanner) {
    scanner.advance();
    scanner.skip_space();
    if (scanner.peek() == ']') {
      scanner.advance();
      return true;
    }
    while (true) {
      scanner.skip_space();
      if (!next_entry(scanner, {.index = static_cast<std::int64_t>(count_)})) return false;
      scanner.skip_space();
      if (scanner.peek() != ',') break;
      scanner.advance();
    }
    return scanner.expect(']', "expected ',' or ']' after an entry") ||
           malformed(scanner.at(), scanner.error());
  }

  bool read_ndjson() {
    std::int64_t number = 0;
    for (std::string_view rest = body_; !rest.empty();) {
      const std::size_t size = std::min(rest.find('\n'), rest.size());
      if (!read_line(rest.substr(0, size), ++number)) return false;
      rest.remove_prefix(std::min(size + 1, rest.size()));
    }
    return true;
  }

  // Reads the entry of a line, if there is one.
  bool read_line(std::string_view line, std::int64_t number) {
    JsonScanner scanner(line.data(), line.data() + line.size(), scratch_);
    scanner.skip_space();
    if (scanner.at_end()) return true;
    if (!next_entry(scanner, {.line = number})) return false;
    scanner.skip_space();
    return scanner.at_end() || malformed(scanner.at(), "expected one entry a line");
  }

  bool next_entry(JsonScanner& scanner, EntryPlace place) {
    if (count_ == options_.entries_max) return too_many();
    ++count_;
    return read_entry(scanner, context_, place) || malformed(scanner.at(), scanner.error());
  }

  bool malformed(const char* at, std::string_view what) {
    rejection_.kind = Rejection::Kind::kMalformed;
    rejection_.offset = static_cast<std::size_t>(at - body_.data());
    if (options_.format == BodyFormat::kNdjson) {
      rejection_.line = 1 + std::count(body_.data(), at, '\n');
      rejection_.detail = fmt::format("malformed JSON at byte {}, in line {}: {}",
                                      rejection_.offset, rejection_.line, what);
    } else {
      rejection_.detail = fmt::format("malformed JSON at byte {}: {}", rejection_.offset, what);
    }
    return false;
  }

  bool too_many() {
    rejection_.kind = Rejection::Kind::kTooMany;
    rejection_.detail = fmt::format("a request takes at most {} entries", options_.entries_max);
    return false;
  }

  // Whether there are entries and all are valid.
  bool check_entries() {
    if (count_ == 0) errors_.push_back({.field = {}, .detail = "expected at least one entry"});
    if (errors_.empty() && count_ > 1) check_ids();
    if (errors_.empty()) return true;
    const Rejection::FieldError& first = errors_.front();
    rejection_.kind = Rejection::Kind::kInvalid;
    rejection_.detail = (first.field.empty() ? "" : first.field + ": ") + first.detail;
    rejection_.errors = std::move(errors_);
    return false;
  }

  // Adds an error for each entry that has the id of an entry before it, and another content.
  void check_ids() {
    const auto entries = std::span(context_.batch.entries).last(count_);
    by_id_.clear();
    for (std::size_t i = 0; i < count_; ++i) {
      if (entries[i].is_id_given) by_id_.push_back(i);
    }
    std::ranges::stable_sort(by_id_, {}, [&](std::size_t i) { return entries[i].id.bytes; });
    const auto content_of = [&](std::size_t i) {
      return EntryContent::of(entries[i], context_.batch.student(entries[i]));
    };
    for (std::size_t first = 0, i = 1; i < by_id_.size(); ++i) {
      if (entries[by_id_[i]].id != entries[by_id_[first]].id) {
        first = i;
        continue;
      }
      const auto field = first_difference(content_of(by_id_[first]), content_of(by_id_[i]));
      if (!field || errors_.size() == Rejection::kErrorsMax) continue;
      const EntryPlace place = place_of(by_id_[i]);
      errors_.push_back({.field = "id",
                         .detail = fmt::format("entry {} of this request has the same id, and its "
                                               "{} differs: each entry needs an id of its own",
                                               by_id_[first] + 1, to_string(*field)),
                         .line = place.line,
                         .index = place.index});
    }
  }

  // Returns where in the body an entry is.
  [[nodiscard]] EntryPlace place_of(std::size_t entry) const {
    if (options_.format == BodyFormat::kJson) return {.index = static_cast<std::int64_t>(entry)};
    EntryPlace place;
    std::string_view rest = body_;
    for (std::size_t entries = 0; entries <= entry; ++place.line) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) ++entries;
    }
    return place;
  }

  const std::string_view body_;
  const EntryParser::Options& options_;
  std::vector<Rejection::FieldError> errors_;
  const EntryContext context_;
  std::string scratch_;
  std::vector<std::size_t> by_id_;  // the entries with given ids
  std::size_t count_ = 0;           // entries so far
  bool is_single_ = false;
  Rejection rejection_;
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
