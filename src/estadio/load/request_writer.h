// Makes the requests of one thread, ready to be sent.
//
// A request without ids, of one entry, is written once and given again and again. Others are put
// together in room that the caller keeps, so that no memory is taken on the way:
//
//   room  |  unused  | POST /v1/entries ... Content-Length: 86 | {"id":"0193...","faculty":...} |
//                      ^ what is returned
//
// Threads: none; belongs to its generator. The entries may be shared.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "estadio/load/entries.h"
#include "estadio/load/target.h"

namespace estadio::load {

class RequestWriter {
 public:
  static constexpr std::size_t kBodyBytesMax = std::size_t{16} << 20;

  struct Options {
    std::int64_t batch = 1;  // entries a request; more than one are sent as NDJSON
    bool gives_ids = false;  // an id of version 7 to every entry that has none
    std::uint64_t seed = 0;
    // Threads take turns: this one has request `thread`, `thread + threads`, ... of the run.
    std::int64_t thread = 0;
    std::int64_t threads = 1;
  };

  // `entries` and `clock` must outlive the writer.
  // REQUIRES: entries.longest_bytes() * batch is at most kBodyBytesMax.
  RequestWriter(const Entries& entries, const Target& target, const Options& options,
                const base::Clock& clock);

  // The next request. Good until `room` changes or this object goes. With gives_ids, `ids` becomes
  // the text of the entries' ids, one after the other; entries whose own id is no UUID have none.
  [[nodiscard]] std::string_view next(std::string& room, std::string& ids);

 private:
  [[nodiscard]] std::size_t next_entry();
  void skip_turns_of_others();
  void append_entry(std::string& room, std::string& ids, const Entries::Entry& entry);
  // Writes the head so that it ends where the body begins; returns where it begins.
  std::size_t write_head(std::string& room, std::size_t body_at) const;

  const Entries& entries_;
  const Options options_;
  const base::Clock& clock_;
  const std::string head_start_;       // up to the value of Content-Length
  std::size_t body_at_ = 0;            // where bodies begin in a room
  std::vector<std::string> prepared_;  // by entry; empty when requests are put together

  std::size_t next_in_turn_ = 0;
  std::mt19937_64 random_;
  base::UuidGenerator uuids_;
};

}  // namespace estadio::load
