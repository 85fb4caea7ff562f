// Reads the lines of an entries file and the server's answers. Only this part of the load generator
// uses simdjson.
//
// Threads: a reader belongs to one thread. It reuses its parser's memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace estadio::load {

// The facts of an entry that its sender needs.
struct EntryFacts {
  bool has_id = false;  // a member "id", whatever its value
  std::string_view id;  // a view into the line when it is a UUID; else empty
  // Its faculty, a text, and its discipline, a whole number, as members for its ack:
  // `,"faculty":"Letras","discipline":1`. A member of another type is left out.
  std::string facts;
};

// An answer with status 2xx.
//   {"id":"01934f5a-...","outcome":"winner"}                    to one entry
//   {"accepted":1000,"winners":503,"losers":497,"repeated":0}   to several
struct Answer {
  enum class Kind {
    kForeign,    // no object with one of the members above
    kMalformed,  // such an object, but members are missing or are no such values
    kOne,        // has id, uuid and outcome
    kSeveral,    // has accepted
  };

  Kind kind = Kind::kForeign;
  std::string_view id;  // as it was written
  base::Uuid uuid;
  std::string_view outcome;
  std::uint64_t accepted = 0;
  bool has_outcomes = false;  // winners and losers
  std::uint64_t winners = 0;
  std::uint64_t losers = 0;
  std::uint64_t repeated = 0;  // entries whose id was known already
};

class JsonReader {
 public:
  // The number of readable bytes that simdjson needs after a line. Their values do not matter.
  static constexpr std::size_t kPadding = 64;

  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  // Reads a line's facts. The id is a view into `line`.
  // REQUIRES: kPadding bytes after `line` are readable.
  // Errors: kInvalidArgument, when `line` is not one JSON object.
  [[nodiscard]] base::Result<EntryFacts> read_entry(std::string_view line);

  // An answer to one entry in exactly the form above is compared, not parsed; its views point into
  // `body`. The views of other answers are valid until the next call.
  [[nodiscard]] Answer read_answer(std::string_view body);

  // Returns the first error of a problem (RFC 9457) as a server of a contest writes it:
  //   {"detail":"one entry is not valid","errors":[{"field":"id","detail":"..."}]}   "id: ..."
  // Returns its "detail" when it has no errors. Returns an empty text for any other body.
  [[nodiscard]] std::string read_problem(std::string_view body);

 private:
  [[nodiscard]] Answer parse_answer(std::string_view body);

  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace estadio::load
