// Reads one entry, a JSON object, into a batch. Its members are checked against the contest.
//
// Threads: functions and values.
#pragma once

#include <cstdint>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/entry.h"
#include "estadio/faculty/entry_parser.h"
#include "estadio/faculty/json_scanner.h"

namespace estadio {

// The data that all entries of a body share.
struct EntryContext {
  const Contest& contest;
  base::UuidGenerator& ids;
  const EntryParser::Options& options;
  EntryBatch& batch;
  std::vector<Rejection::FieldError>& errors;  // at most Rejection::kErrorsMax
};

// The place of an entry in its body, for errors.
struct EntryPlace {
  std::int64_t line = 0;    // of NDJSON, from 1; else 0
  std::int64_t index = -1;  // in an array, from 0; else -1
};

// Reads the entry at the scanner's place and appends it to the batch. Returns false when it is not
// JSON. The scanner then has the error. An entry that is JSON but not valid adds to the errors, so
// that the client sees those of all entries. The caller must not use the batch when there are any.
[[nodiscard]] bool read_entry(JsonScanner& scanner, const EntryContext& context, EntryPlace place);

}  // namespace estadio
