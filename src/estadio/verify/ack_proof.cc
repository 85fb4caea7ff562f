#include "estadio/verify/ack_proof.h"

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace estadio {
namespace {

// The names of an ack's or a record's faculty and discipline.
std::string faculty_name(const Contest& contest, std::int16_t index) {
  if (index < 0) return "a faculty that the contest does not have";
  return contest.faculties()[static_cast<std::size_t>(index)].name;
}
std::string discipline_name(const Contest& contest, std::int16_t index) {
  if (index < 0) return "a discipline that the contest does not have";
  return fmt::format("discipline {}", contest.disciplines()[static_cast<std::size_t>(index)].id);
}

}  // namespace

void AckProof::add(const Record& record, bool is_repeat, const RecordPlace& place) {
  if (options_.acks == nullptr) return;
  Acks::Ack* ack = options_.acks->find(record.id);
  if (ack == nullptr) {
    if (is_repeat) return;
    ++options_.report.unacknowledged;
    if (options_.are_acks_complete) {
      options_.differences.add("results in the log without an ack", place.text());
    }
    return;
  }
  if (ack->outcome >= 0 && static_cast<Outcome>(ack->outcome) != record.outcome) {
    options_.differences.add("acknowledged outcomes that the log does not hold",
                             record.id.to_string());
  }
  if (!is_repeat) compare_place(*ack, record, place);
  if (ack->is_in_log && !is_repeat) {
    options_.differences.add("acknowledged entries counted twice", place.text());
  }
  ack->is_in_log = true;
}

void AckProof::compare_place(const Acks::Ack& ack, const Record& record, const RecordPlace& place) {
  const auto differs = [](std::int16_t said, std::int16_t logged) {
    return said != Acks::Ack::kNotSaid && said != logged;
  };
  const auto add = [&](std::string_view what, const std::string& said, const std::string& logged) {
    options_.differences.add(
        what, fmt::format("{}: acknowledged {}, the log has {}", place.text(), said, logged));
  };
  if (differs(ack.faculty, record.faculty)) {
    add("acknowledged faculties that the log does not hold",
        faculty_name(options_.contest, ack.faculty),
        faculty_name(options_.contest, record.faculty));
  }
  if (differs(ack.discipline, record.discipline)) {
    add("acknowledged disciplines that the log does not hold",
        discipline_name(options_.contest, ack.discipline),
        discipline_name(options_.contest, record.discipline));
  }
}

void AckProof::finish() {
  if (options_.acks == nullptr) return;
  options_.report.has_acks = true;
  options_.report.are_acks_complete = options_.are_acks_complete;
  options_.report.acknowledged = static_cast<std::int64_t>(options_.acks->size());
  for (const Acks::Ack& ack : options_.acks->all()) {
    if (!ack.is_in_log) {
      options_.differences.add("acknowledged entries that the log does not hold",
                               ack.id.to_string());
    }
  }
}

}  // namespace estadio
