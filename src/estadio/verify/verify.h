// verify() proves that acks, log and score agree, and that every outcome is the coin's.
//
// The score is read first, with its positions. Then the log is counted again up to exactly those
// positions, by the tally's rule for repeats (RepeatFilter). So the proof also holds while entries
// come in. Results that the tally has yet to count are a lag, not a difference. The chain of these
// records must be the one that the score stores, so the score counted these records and no others.
//
// Memory: 22 bytes per ack (sizeof(Acks::Ack)). The servers' ids of a partition, and its clients'
// ids of the retry window, are in IdMemory: about 28 bytes each, beyond its limit in files.
//
// Threads: verify() blocks and runs in its caller's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"
#include "estadio/contest/stored_book.h"
#include "estadio/dedup/id_memory.h"
#include "estadio/dedup/retry_rule.h"

namespace estadio {

// The acks of clients.
class Acks {
 public:
  // Reads NDJSON of {"id":"…","outcome":"winner","faculty":"Ingeniería","discipline":1}. All but
  // the id is optional. The faculty may be any of its names in `contest`. An id may occur more than
  // once. A last line that is cut is skipped: the client may have died while it wrote.
  // Errors: kInvalidArgument, which names file and line.
  [[nodiscard]] static base::Result<Acks> from_file(const std::string& path,
                                                    const Contest& contest);

  struct Ack {
    // What the file says about a faculty or a discipline, unless it is an index into the contest.
    static constexpr std::int16_t kNotSaid = -1;
    static constexpr std::int16_t kNotOfContest = -2;

    base::Uuid id;
    std::int8_t outcome = kNotSaid;  // of Outcome
    bool is_in_log = false;
    std::int16_t faculty = kNotSaid;
    std::int16_t discipline = kNotSaid;
  };

  [[nodiscard]] std::size_t size() const { return acks_.size(); }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  // Returns null when the id was not acknowledged.
  [[nodiscard]] Ack* find(const base::Uuid& id);
  [[nodiscard]] const std::vector<Ack>& all() const { return acks_; }

 private:
  std::vector<Ack> acks_;  // by id
  bool is_cut_ = false;
};

struct Difference {
  std::string what;
  std::int64_t count = 0;
  std::string example;
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
  std::vector<Difference> differences;

  [[nodiscard]] bool is_proven() const { return differences.empty(); }
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_json() const;
};

struct VerifyInput {
  const Contest& contest;
  const Coin& coin;
  EventLog& events;
  const Score& score;  // read before the log was opened
  // What the score book keeps for people beside the score, of the same moment. Null when there is
  // nothing.
  const StoredValues* sums = nullptr;
  std::function<StoredValues(const Score&)> sums_of;  // what `sums` must be for a score
  // Of a contest that is closed: the offsets of the first end marks, by partition as
  // all_partitions() has them, as the control log says.
  std::optional<std::vector<std::int64_t>> closed_offsets;
  Acks* acks = nullptr;
  // True when the acks are those of all clients. Then a result without an ack is a difference.
  bool are_acks_complete = true;
  RetryRule retry;
  IdMemory& memory;
  const base::Clock& clock;
  // How long the log may take to return a record that it has.
  std::chrono::nanoseconds read_patience = std::chrono::seconds(20);
  std::function<void(std::int64_t records)> on_progress;  // may be empty
};

// Compares acks, log, score and coin. Returns the differences in the report.
// Errors: kCorruption, which names the place, when the log is damaged; kUnavailable when the log
// does not answer.
[[nodiscard]] base::Result<VerifyReport> verify(const VerifyInput& input);

}  // namespace estadio
