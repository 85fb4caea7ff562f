#include "estadio/rpc/handshake.h"

#include <algorithm>
#include <estadio/v1/judge.pb.h>
#include <fmt/format.h>
#include <optional>

#include "estadio/dedup/retry_rule.h"

namespace estadio {
namespace {

base::Failure refuse(base::Code code, std::string message) {
  return base::fail(code, std::move(message));
}

std::optional<FacultyIndex> find_canonical(const Contest& contest, std::string_view name) {
  const auto& faculties = contest.faculties();
  const auto found = std::ranges::find(faculties, name, &Faculty::name);
  if (found == faculties.end()) return std::nullopt;
  return static_cast<FacultyIndex>(found - faculties.begin());
}

// Returns nothing when the commitments are equal, or when one is not known.
std::string compare_coins(std::string_view callers, std::string_view servers) {
  if (callers.empty() || servers.empty() || callers == servers) return {};
  return fmt::format("the coin's commitment is {} for the caller, {} for the server", callers,
                     servers);
}

}  // namespace

DisciplineMask all_disciplines(const Contest& contest) {
  const std::size_t count = contest.disciplines().size();
  return ~DisciplineMask{0} >> (Contest::kDisciplinesMax - count);
}

std::string names_of(DisciplineMask disciplines, const Contest& contest) {
  std::string names;
  for (std::size_t i = 0; i < contest.disciplines().size(); ++i) {
    if ((disciplines & mask_of(static_cast<DisciplineIndex>(i))) == 0) continue;
    const Discipline& discipline = contest.disciplines()[i];
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", discipline.id, discipline.name);
  }
  return names;
}

void write_handshake_request(const HandshakeParty& caller, v1::HandshakeRequest& request) {
  for (const Faculty& faculty : caller.contest.faculties()) request.add_faculties(faculty.name);
  for (const Discipline& each : caller.contest.disciplines()) request.add_disciplines(each.id);
  request.set_partitions(caller.contest.partitions());
  request.set_coin_commitment(std::string(caller.coin_commitment));
}

base::Result<CallerIndexes> read_handshake_request(const v1::HandshakeRequest& request,
                                                   const HandshakeParty& server,
                                                   DisciplineMask judged) {
  const auto faculties = static_cast<std::size_t>(request.faculties_size());
  const auto disciplines = static_cast<std::size_t>(request.disciplines_size());
  if (faculties == 0 || faculties > Contest::kFacultiesMax) {
    return refuse(base::Code::kInvalidArgument,
                  fmt::format("handshake.faculties: expected 1 to {}, got {}",
                              Contest::kFacultiesMax, faculties));
  }
  if (disciplines == 0 || disciplines > Contest::kDisciplinesMax) {
    return refuse(base::Code::kInvalidArgument,
                  fmt::format("handshake.disciplines: expected 1 to {}, got {}",
                              Contest::kDisciplinesMax, disciplines));
  }
  CallerIndexes caller;
  std::vector<std::string> differences;
  for (const std::string& name : request.faculties()) {
    const auto faculty = find_canonical(server.contest, name);
    if (!faculty) {
      differences.push_back(fmt::format("the server has no faculty '{}'", name));
    }
    caller.faculties.push_back(faculty.value_or(0));
  }
  for (const std::int64_t id : request.disciplines()) {
    const auto discipline = server.contest.find_discipline(id);
    if (!discipline) differences.push_back(fmt::format("the server has no discipline {}", id));
    const bool is_judged = discipline && (judged & mask_of(*discipline)) != 0;
    caller.disciplines.push_back(is_judged ? *discipline : CallerIndexes::kNotJudged);
  }
  if (request.partitions() != server.contest.partitions()) {
    differences.push_back(fmt::format("partitions are {} for the caller, {} for the server",
                                      request.partitions(), server.contest.partitions()));
  }
  if (auto difference = compare_coins(request.coin_commitment(), server.coin_commitment);
      !difference.empty()) {
    differences.push_back(std::move(difference));
  }
  if (differences.empty()) return caller;
  return refuse(base::Code::kFailedPrecondition,
                fmt::format("the contests differ: {}", fmt::join(differences, "; ")));
}

void write_handshake_response(const HandshakeParty& server, const CallerIndexes& caller,
                              v1::HandshakeResponse& response) {
  for (const DisciplineIndex discipline : caller.disciplines) {
    if (discipline == CallerIndexes::kNotJudged) continue;
    response.add_disciplines(server.contest.disciplines()[discipline].id);
  }
  response.set_coin_commitment(std::string(server.coin_commitment));
  response.set_started_at_ms(server.started_at_ms);
  response.set_retry_window_ms(server.retry_window_ms);
}

base::Result<DisciplineMask> read_handshake_response(const v1::HandshakeResponse& response,
                                                     const HandshakeParty& caller) {
  if (auto difference = compare_coins(caller.coin_commitment, response.coin_commitment());
      !difference.empty()) {
    return refuse(base::Code::kFailedPrecondition,
                  fmt::format("the contests differ: {}", difference));
  }
  const std::int64_t window_ms = response.retry_window_ms();
  if (window_ms < 0 || window_ms > RetryRule::kWindowMax.count()) {
    return refuse(base::Code::kInvalidArgument,
                  fmt::format("handshake.retry_window_ms: expected 0 to {}, got {}",
                              RetryRule::kWindowMax.count(), window_ms));
  }
  DisciplineMask judged = 0;
  for (const std::int64_t id : response.disciplines()) {
    if (const auto discipline = caller.contest.find_discipline(id)) judged |= mask_of(*discipline);
  }
  return judged;
}

}  // namespace estadio
