// The entries that a run sends: the lines of a file, or one for each faculty and discipline.
//
// Threads: immutable after construction; may be shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace estadio::load {

class Entries {
 public:
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
  static constexpr std::size_t kEntriesMax = std::size_t{1} << 25;
  static constexpr std::size_t kEntryBytesMax = std::size_t{1} << 20;
  // Different pairs of faculty and discipline. The acks of entries with further pairs lack both.
  static constexpr std::size_t kFactsMax = std::size_t{1} << 16;

  // The order in which a run sends them.
  enum class Order { kInTurn, kAtRandom };

  struct Entry {
    std::string_view json;   // one object, without a line's end
    bool has_id = false;     // a member "id", whatever its value
    std::string_view id;     // a view into `json` when it is a UUID; else empty
    std::string_view facts;  // EntryFacts::facts
  };

  // Reads one JSON object per line, to be sent unchanged and in turn. Skips empty lines.
  // Errors: kInvalidArgument, with the file and the numbers of bad lines.
  [[nodiscard]] static base::Result<Entries> from_file(const std::string& path);
  // Does the same with a file's text. Errors call it `name`.
  [[nodiscard]] static base::Result<Entries> from_text(std::string text, std::string_view name);

  // Makes one entry for each pair of faculty and discipline, to be sent at random.
  // REQUIRES: at least one of both.
  [[nodiscard]] static Entries of_contest(const std::vector<std::string>& faculties,
                                          const std::vector<std::int64_t>& disciplines);

  [[nodiscard]] Order order() const { return order_; }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] Entry at(std::size_t index) const {
    const Line& line = lines_[index];
    const std::string_view text = text_;
    return {.json = text.substr(line.at, line.size),
            .has_id = line.has_id != 0,
            .id = line.id_at == kNoId ? std::string_view() : text.substr(line.id_at, kIdSize),
            .facts = facts_[line.facts]};
  }
  // The bytes of the longest entry.
  [[nodiscard]] std::size_t longest_bytes() const { return longest_bytes_; }

 private:
  struct Line {
    std::uint32_t at;  // in text_
    std::uint32_t size : 31;
    std::uint32_t has_id : 1;
    std::uint32_t id_at;  // in text_, or kNoId
    std::uint32_t facts;  // the index in facts_
  };
  static constexpr std::uint32_t kNoId = UINT32_MAX;
  static constexpr std::size_t kIdSize = 36;

  Entries(std::string text, Order order) : text_(std::move(text)), order_(order) {}
  base::Result<void> index_lines(std::string_view name);

  std::string text_;
  Order order_;
  std::vector<Line> lines_;
  std::vector<std::string> facts_{std::string()};  // each different one; the first is empty
  std::size_t longest_bytes_ = 0;
};

}  // namespace estadio::load
