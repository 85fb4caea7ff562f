// The result of a proof, for people and for programs.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "estadio/contest/entry.h"
#include "estadio/verify/summary.h"

namespace estadio {

struct Difference {
  std::string what;
  std::int64_t count = 0;
  std::string example;
};

// Gathers differences by kind. Each kind has a count, and its first difference as an example.
class Differences {
 public:
  void add(std::string_view what, std::string example, std::int64_t count = 1) {
    for (Difference& known : all_) {
      if (known.what == what) {
        known.count += count;
        return;
      }
    }
    all_.push_back({.what = std::string(what), .count = count, .example = std::move(example)});
  }
  [[nodiscard]] std::vector<Difference> take() { return std::move(all_); }

 private:
  std::vector<Difference> all_;
};

// The place of a record, for examples.
struct RecordPlace {
  const base::Uuid& id;
  std::string_view partition;
  std::int64_t offset = 0;

  [[nodiscard]] std::string text() const;
};

struct VerifyReport {
  struct Row {
    std::string faculty;
    std::int64_t discipline_id = 0;
    Outcome outcome = Outcome::kWinner;
    std::int64_t in_log = 0;  // counted again
    std::int64_t in_score = 0;
  };
  std::vector<Row> rows;
  std::int64_t records = 0;      // in the log
  std::int64_t repeated = 0;     // of these, the repeats
  std::int64_t not_in_time = 0;  // of these, those whose ids are not in time: they never count
  std::int64_t after_end = 0;    // of these, the results behind the first end mark
  std::string after_end_example;
  std::int64_t counted = 0;  // in the score
  std::int64_t lag = 0;      // in the log, not yet in the score
  std::int64_t coins = 0;    // tosses recomputed
  bool has_acks = false;
  bool are_acks_complete = true;
  std::int64_t acknowledged = 0;  // different ids
  // In the log, without an ack: of other clients, or with a lost answer.
  std::int64_t unacknowledged = 0;
  // The partitions that the score covers, with their digests. Empty unless VerifyInput asks for
  // them.
  std::vector<Summary::Partition> partitions;
  // How many records are the same as those of VerifyInput::against; nothing without one.
  std::optional<std::int64_t> unchanged;
  std::vector<Difference> differences;

  [[nodiscard]] bool is_proven() const { return differences.empty(); }
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_json() const;
};

}  // namespace estadio
