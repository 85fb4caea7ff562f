// The little JSON that the generator reads: what a line of entries holds, and what an answer says.
// The one place of the load generator that knows simdjson.
//
// Threads: none; a reader keeps its parser's memory and belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace estadio::load {

// What is to be known of an entry before it is sent.
struct EntryFacts {
  bool has_id = false;  // a member "id", whatever its value
  std::string_view id;  // where the line holds it as the text of a UUID; else empty
};

// What an accepting answer says.
//   {"id":"01934f5a-...","outcome":"winner"}                    to one entry
//   {"accepted":1000,"winners":503,"losers":497,"repeated":0}   to several
struct Answer {
  std::string_view id;
  std::string_view outcome;
  std::uint64_t repeated = 0;  // entries whose id was known already
};

class JsonReader {
 public:
  // How many bytes after a line must be there to be read, whatever they hold.
  static constexpr std::size_t kPadding = 64;

  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  // REQUIRES: kPadding bytes after `line` are readable. The id is a view into `line`.
  // Errors: kInvalidArgument, when `line` is not one JSON object.
  [[nodiscard]] base::Result<EntryFacts> read_entry(std::string_view line);

  // Nothing when `body` is not an object of one of the two kinds. Answers to one entry in the
  // form above are read at the speed of a comparison; their views go into `body`. Views of others
  // last until the next call.
  [[nodiscard]] std::optional<Answer> read_answer(std::string_view body);

 private:
  [[nodiscard]] std::optional<Answer> parse_answer(std::string_view body);

  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace estadio::load
