// A record: a result in the log, as one line of JSON in exactly this form. People can read it with
// any tool. The fixed form makes parsing fast.
//
//   {"id":"0193…","faculty":"Ingeniería","discipline":1,"outcome":"winner"}
//   {"id":"…","faculty":"…","discipline":1,"outcome":"loser","given":true,"age":20,"student":"Ana"}
//
//   {"end":true}
//
// The last form is an end mark: results behind the first one of a partition never count.
//
// `given` is present, and true, when the client gave the id. Such an id may be in the log twice.
//
// Threads: a RecordFormat is immutable after construction and may be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/contest/entry_content.h"
#include "estadio/contest/event_log.h"

namespace estadio {

// The members of a record that the tally needs.
struct Record {
  base::Uuid id;
  FacultyIndex faculty = 0;
  DisciplineIndex discipline = 0;
  Outcome outcome = Outcome::kLoser;
  bool is_id_given = false;
};

class RecordFormat {
 public:
  explicit RecordFormat(const Contest& contest);

  // Appends the entry's line to `out`, with its newline.
  void append(std::string& out, const Entry& entry, std::string_view student,
              Outcome outcome) const;

  // Returns an upper bound of the bytes that `entries` lines need. `student_bytes` is the size of
  // all their students' names.
  [[nodiscard]] std::size_t bytes_max(std::size_t entries, std::size_t student_bytes) const {
    return entries * fixed_bytes_max_ + student_bytes * kEscapedMax;
  }

  // Reads a line without its newline. Returns nothing when the line does not have the form above.
  // Returns nothing when this contest does not have its faculty or discipline.
  [[nodiscard]] std::optional<Record> parse(std::string_view line) const;

  // Reads what the line's entry says. Returns nothing when parse() does.
  [[nodiscard]] std::optional<EntryContent> parse_content(std::string_view line) const;

  // The line of an end mark. It is no record, so parse() does not read it.
  static constexpr std::string_view kEndMark = R"({"end":true})";
  [[nodiscard]] static bool is_end_mark(std::string_view line) { return line == kEndMark; }

  // Reads a record of the partition. Errors: kCorruption when it is not a result of this contest,
  // or has another topic's outcome. The error names topic, partition and offset.
  [[nodiscard]] base::Result<Record> parse_logged(PartitionId partition,
                                                  const LoggedRecord& logged) const;

  // Returns the id's text, 36 characters. REQUIRES: the line has the form above.
  [[nodiscard]] static std::string_view id_text(std::string_view line) {
    return line.substr(kIdAt, base::Uuid::kTextSize);
  }

 private:
  static constexpr std::string_view kStart = R"({"id":")";
  static constexpr std::size_t kIdAt = kStart.size();

  // A line's members from the id to `given`, and the text after them without the closing brace.
  struct Head {
    Record record;
    std::string_view rest;
  };
  // Returns nothing when the line does not begin with them.
  [[nodiscard]] std::optional<Head> parse_head(std::string_view line) const;

  // The text after the id, for each faculty, discipline and outcome:
  // `","faculty":"Ingeniería","discipline":1,"outcome":"winner"`.
  [[nodiscard]] const std::string& middle(FacultyIndex faculty, DisciplineIndex discipline,
                                          Outcome outcome) const {
    return middles_[(static_cast<std::size_t>(faculty) * disciplines_ + discipline) * 2 +
                    static_cast<std::size_t>(outcome)];
  }

  static constexpr std::size_t kEscapedMax = 6;  // \u00ff

  std::size_t disciplines_;
  std::size_t fixed_bytes_max_ = 0;
  std::vector<std::string> middles_;
};

}  // namespace estadio
