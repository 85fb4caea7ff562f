#include "estadio/rpc/one_entry.h"

#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <string>

#include "estadio/contest/judge.h"

namespace estadio {
namespace {

base::Failure refuse(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

base::Failure refuse_over() {
  return base::fail(base::Code::kFailedPrecondition,
                    "the contest is over: it takes no new entries, and the log does not have this "
                    "one");
}

base::Result<void> read_discipline(const v1::JudgeOneRequest& request, const OneEntryRules& rules,
                                   Entry& entry) {
  const auto discipline = rules.contest.find_discipline(request.discipline());
  if (!discipline) {
    return refuse(fmt::format("discipline: unknown; known are {}",
                              names_of(all_disciplines(rules.contest), rules.contest)));
  }
  if ((rules.judged & mask_of(*discipline)) == 0) {
    return base::fail(base::Code::kFailedPrecondition,
                      fmt::format("discipline: this server judges only {}",
                                  names_of(rules.judged, rules.contest)));
  }
  entry.discipline = *discipline;
  return {};
}

base::Result<void> read_faculty(const v1::JudgeOneRequest& request, const OneEntryRules& rules,
                                Entry& entry) {
  const auto faculty = rules.contest.find_faculty(request.faculty());
  if (!faculty) {
    std::string known;
    for (const Faculty& each : rules.contest.faculties()) {
      known += (known.empty() ? "" : ", ") + each.name;
    }
    return refuse(fmt::format("faculty: unknown; known are {}", known));
  }
  entry.faculty = *faculty;
  return {};
}

base::Result<void> read_id(const v1::JudgeOneRequest& request, const OneEntryRules& rules,
                           Entry& entry) {
  if (!request.has_id()) return {};
  const auto id = base::Uuid::parse(request.id());
  if (!id) return refuse("id: expected a UUID, such as 0193b3e4-7c1a-7def-8abc-0123456789ab");
  if (id->is_marked()) {
    return refuse(
        "id: it was given by the server, to another entry: leave the id out, or choose one of your "
        "own");
  }
  if (const auto why = rules.contest.why_refused(*id)) return refuse("id: " + *why);
  if (const auto why = why_refused(*id, rules.times)) return refuse("id: " + *why);
  entry.id = *id;
  entry.is_id_given = true;
  return {};
}

base::Result<void> read_student(const v1::JudgeOneRequest& request, EntryBatch& batch,
                                Entry& entry) {
  if (!request.has_student()) return {};
  // protobuf has checked that it is UTF-8.
  const std::string& student = request.student();
  if (student.size() > Entry::kStudentBytesMax) {
    return refuse(fmt::format("student: expected at most {} bytes, got {}", Entry::kStudentBytesMax,
                              student.size()));
  }
  if (student.find('\0') != std::string::npos) {
    return refuse("student: expected a text without NUL");
  }
  batch.text = student;
  entry.has_student = true;
  entry.student_size = static_cast<std::uint8_t>(student.size());
  return {};
}

}  // namespace

base::Result<void> read_one_entry(const v1::JudgeOneRequest& request, const OneEntryRules& rules,
                                  EntryBatch& batch) {
  batch.clear();
  Entry entry;
  RETURN_IF_ERROR(read_faculty(request, rules, entry));
  RETURN_IF_ERROR(read_discipline(request, rules, entry));
  RETURN_IF_ERROR(read_id(request, rules, entry));
  RETURN_IF_ERROR(read_student(request, batch, entry));
  if (request.has_age()) {
    if (request.age() < 0 || request.age() > Entry::kAgeMax) {
      return refuse(fmt::format("age: expected 0 to {}, got {}", Entry::kAgeMax, request.age()));
    }
    entry.age = static_cast<std::int16_t>(request.age());
  }
  batch.entries.push_back(entry);
  return {};
}

base::Result<void> write_one_verdict(const Entry& entry, const Verdict& verdict,
                                     const base::Result<void>& judged, v1::JudgeOneReply& reply) {
  using Durability = Verdict::Durability;
  const Durability durability =
      verdict.durability == Durability::kOfBatch ? durability_of_batch(judged) : verdict.durability;
  if (durability != Durability::kKept) {
    if (durability == Durability::kConflict) {
      return base::fail(base::Code::kAlreadyExists,
                        fmt::format("{}: an entry with this id was accepted, and its {} differs: "
                                    "send this entry with a new id",
                                    to_string(verdict.conflict), to_string(verdict.conflict)));
    }
    if (durability == Durability::kOver) return refuse_over();
    if (durability == Durability::kNotInTime) {
      return refuse("id: its time is too far from the server's clock: check both clocks");
    }
    if (!judged) return base::fail(judged.error());
    return base::fail(base::Code::kInternal, "the judge gave no reason");
  }
  reply.set_id(entry.id.to_string());
  reply.set_outcome(verdict.outcome == Outcome::kWinner ? v1::OUTCOME_WINNER : v1::OUTCOME_LOSER);
  reply.set_repeated(verdict.is_repeated);
  return {};
}

}  // namespace estadio
