// The first words of a stream: the caller says in whose indexes it speaks, the server says what it
// judges. Contests that do not fit are told apart here, before the first entry travels.
//
// A server may know faculties and disciplines that the caller does not, so that a contest can be
// extended: the servers first, then the callers.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "estadio/contest/contest.h"
#include "estadio/rpc/batch_codec.h"

namespace estadio::v1 {
class Hello;
class Welcome;
}  // namespace estadio::v1

namespace estadio {

// A bit for each DisciplineIndex.
using DisciplineMask = std::uint64_t;
static_assert(Contest::kDisciplinesMax <= 64);

[[nodiscard]] constexpr DisciplineMask mask_of(DisciplineIndex discipline) {
  return DisciplineMask{1} << discipline;
}
[[nodiscard]] DisciplineMask all_disciplines(const Contest& contest);

// "1 (Natación), 3 (Boxeo)".
[[nodiscard]] std::string names_of(DisciplineMask disciplines, const Contest& contest);

// The contest of a caller or a server, as far as it is compared.
struct GreetingParts {
  const Contest& contest;
  std::string_view coin_commitment;  // empty when not known: then it is not compared
  std::int64_t started_at_ms = 0;    // of the contest, since 1970; 0 when not known
};

void write_hello(const GreetingParts& caller, v1::Hello& hello);

// What the caller's indexes are at the server, which judges `judged`.
// Errors: kInvalidArgument when it is no hello; kFailedPrecondition with everything that differs.
[[nodiscard]] base::Result<CallerIndexes> read_hello(const v1::Hello& hello,
                                                     const GreetingParts& server,
                                                     DisciplineMask judged);

void write_welcome(const GreetingParts& server, const CallerIndexes& caller, v1::Welcome& welcome);

// Which of the caller's disciplines the server judges. Errors: kFailedPrecondition.
[[nodiscard]] base::Result<DisciplineMask> read_welcome(const v1::Welcome& welcome,
                                                        const GreetingParts& caller);

}  // namespace estadio
