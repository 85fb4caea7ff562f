// The proof: what clients were told was accepted, what the log holds and what the score counts
// are the same, and every outcome is the coin's.
//
// The score is read first, with its positions; the log is then counted anew up to exactly those
// positions by the tally's own rule for retries. So the proof holds at any moment, also while
// entries come in: results that the tally has yet to count are a lag, not a difference.
//
// Memory: 24 bytes an acknowledged id, and what the retry window takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "estadio/contest/coin.h"
#include "estadio/contest/contest.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// The ids that clients were told were accepted.
class Acks {
 public:
  // Reads NDJSON of {"id":"…","outcome":"winner"}; outcome may be left out. An id may be there
  // more than once. A last line that is cut, as where a client was killed while it wrote, is passed
  // over. Errors: kInvalidArgument naming file and line.
  [[nodiscard]] static base::Result<Acks> from_file(const std::string& path);

  struct Ack {
    base::Uuid id;
    std::int8_t outcome = -1;  // of Outcome; -1 when the file does not say
    bool is_in_log = false;
  };

  [[nodiscard]] std::size_t size() const { return acks_.size(); }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  // Null when the id was not acknowledged.
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
    std::int64_t in_log = 0;  // counted anew
    std::int64_t in_score = 0;
  };
  std::vector<Row> rows;
  std::int64_t records = 0;   // in the log
  std::int64_t repeated = 0;  // of these, not counted because their id was counted before
  std::int64_t counted = 0;   // in the score
  std::int64_t lag = 0;       // in the log, not yet in the score
  std::int64_t coins = 0;     // tosses recomputed
  bool has_acks = false;
  bool are_acks_complete = true;
  std::int64_t acknowledged = 0;  // different ids
  std::int64_t unacknowledged =
      0;  // in the log, without an ack: other clients', or answers that were lost
  std::vector<Difference> differences;

  [[nodiscard]] bool is_proven() const { return differences.empty(); }
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_json() const;
};

struct VerifyInput {
  const Contest& contest;
  const Coin& coin;
  const EventLog& events;
  const Score& score;  // read before the log was opened
  Acks* acks = nullptr;
  // Whether the acks are of all clients: then a result that nobody was told of is a difference.
  bool are_acks_complete = true;
  std::int64_t retention_ms = 0;
  std::size_t retry_ids = 0;
  // How long the log may take to give its next record, where it has one.
  std::chrono::nanoseconds read_patience = std::chrono::seconds(20);
  std::function<void(std::int64_t records)> on_progress;  // may be empty
};

// Errors: kCorruption when the log is damaged, naming the place; kUnavailable when it is away.
[[nodiscard]] base::Result<VerifyReport> verify(const VerifyInput& input);

}  // namespace estadio
