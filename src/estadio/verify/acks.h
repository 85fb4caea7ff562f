// The acks of clients: what the answers to their entries said.
//
// Memory: 22 bytes per ack (sizeof(Acks::Ack)).
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/contest.h"

namespace estadio {

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

}  // namespace estadio
