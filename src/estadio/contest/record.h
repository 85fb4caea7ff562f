// A result as it stands in the log: one line of JSON, in exactly this form, so that people read it
// with any tool and the tally reads it at memory speed.
//
//   {"id":"0193…","faculty":"Ingeniería","discipline":1,"outcome":"winner"}
//   {"id":"…","faculty":"…","discipline":1,"outcome":"loser","given":true,"age":20,"student":"Ana"}
//
// `given` is there, and true, when the client gave the id: it may then stand in the log twice.
//
// Threads: RecordFormat is immutable after construction; may be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"

namespace estadio {

// What the tally needs of a record.
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

  // Appends the line, with its newline.
  void append(std::string& out, const Entry& entry, std::string_view student,
              Outcome outcome) const;

  // The most that the lines of so many entries take, whose students' names have so many bytes in
  // all.
  [[nodiscard]] std::size_t bytes_max(std::size_t entries, std::size_t student_bytes) const {
    return entries * fixed_bytes_max_ + student_bytes * kEscapedMax;
  }

  // Reads a line (without its newline). Nothing when it is not in the form above or names a
  // faculty or discipline that this contest does not have.
  [[nodiscard]] std::optional<Record> parse(std::string_view line) const;

  // The id as it stands in a line of the form above: 36 characters.
  [[nodiscard]] static std::string_view id_text(std::string_view line) {
    return line.substr(kIdAt, base::Uuid::kTextSize);
  }

 private:
  static constexpr std::string_view kStart = R"({"id":")";
  static constexpr std::size_t kIdAt = kStart.size();

  // `","faculty":"Ingeniería","discipline":1,"outcome":"winner"`, what follows the id, for each
  // faculty, discipline and outcome.
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
