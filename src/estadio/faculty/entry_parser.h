// Reads entries from a request's body: one object, an array of objects, or NDJSON.
//
// JSON is read strictly (RFC 8259). Duplicate keys, bad UTF-8, lone surrogates and nesting beyond
// 32 levels are also refused. A body is accepted whole or not at all.
//
// Threads: an EntryParser belongs to one loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/dedup/judge_clocks.h"

namespace estadio {

enum class BodyFormat { kJson, kNdjson };

// Why a body was refused.
struct Rejection {
  enum class Kind {
    kMalformed,  // not JSON; sets `detail`, `offset` and, in NDJSON, `line`
    kInvalid,    // JSON, but not entries; sets `detail` and `errors`
    kTooMany,    // more entries than allowed
  };
  struct FieldError {
    std::string field;  // empty when the error concerns the whole entry
    std::string detail;
    std::int64_t line = 0;    // of NDJSON, from 1; else 0
    std::int64_t index = -1;  // in an array, from 0; else -1
  };
  static constexpr std::size_t kErrorsMax = 32;  // in `errors`; more are left out

  Kind kind = Kind::kMalformed;
  std::string detail;
  std::size_t offset = 0;  // bytes from the body's start
  std::int64_t line = 0;
  std::vector<FieldError> errors;
};

class EntryParser {
 public:
  struct Options {
    BodyFormat format = BodyFormat::kJson;
    // The faculty of the request's path, if any. Entries may omit it and must not contradict it.
    std::optional<FacultyIndex> faculty;
    std::size_t entries_max = 10'000;
    std::int64_t now_ms = 0;
    std::optional<JudgeTimes> judges;  // they bound the times of given ids; nothing: any time
  };

  struct Parsed {
    std::size_t count = 0;
    bool is_single = false;  // one object, not an array or lines
  };

  explicit EntryParser(const Contest& contest) : contest_(contest) {}

  // Appends the body's entries to `batch`. A rejection leaves `batch` unchanged. An entry without
  // an id gets a marked one, of version 8 (UuidGenerator::next_marked()).
  [[nodiscard]] tl::expected<Parsed, Rejection> parse(std::string_view body, const Options& options,
                                                      EntryBatch& batch);

 private:
  const Contest& contest_;
  base::UuidGenerator ids_;
};

}  // namespace estadio
