// Writes the requests of one thread.
//
// Requests of one entry without generated ids are written once and used again. Other requests are
// written into the caller's `room`, so that no memory is allocated for each:
//
//   room  |  unused  | POST /v1/entries ... Content-Length: 86 | {"id":"0193...","faculty":...} |
//                      ^ the returned view starts here
//
// Threads: belongs to its generator's thread. The entries may be shared.
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

// What a request holds, to check its answer and to write its acks.
struct SentEntries {
  // Where the id of a request's only entry comes from.
  enum class IdSource {
    kServer,   // the request has no id
    kClient,   // it is in `ids`
    kUnknown,  // the entry has an own id that is no UUID
  };

  IdSource id_source = IdSource::kServer;
  std::string ids;  // one after the other; without own ids that are no UUIDs
  // The entries of `ids`, or a request's only entry: indices into Entries.
  std::vector<std::uint32_t> entries;
};

class RequestWriter {
 public:
  static constexpr std::size_t kBodyBytesMax = std::size_t{16} << 20;

  struct Options {
    std::int64_t batch = 1;  // entries a request; more than one are sent as NDJSON
    bool gives_ids = false;  // add an id of version 7 to entries without one
    std::uint64_t seed = 0;
    // This thread writes the requests `thread`, `thread + threads`, ... of the run.
    std::int64_t thread = 0;
    std::int64_t threads = 1;
  };

  // `entries` and `clock` must outlive the writer.
  // REQUIRES: entries.longest_bytes() * batch is at most kBodyBytesMax.
  RequestWriter(const Entries& entries, const Target& target, const Options& options,
                const base::Clock& clock);

  // Returns the next request. It is valid until `room` changes or this object is destroyed. Sets
  // `sent` to what it holds.
  [[nodiscard]] std::string_view next(std::string& room, SentEntries& sent);

  // Returns the faculty and discipline of an entry for its ack (EntryFacts::facts).
  [[nodiscard]] std::string_view facts_of(std::uint32_t entry) const {
    return entries_.at(entry).facts;
  }

 private:
  [[nodiscard]] std::size_t next_entry();
  void skip_turns_of_others();
  void append_entry(std::string& room, SentEntries& sent, std::size_t index);
  void note(SentEntries& sent, std::size_t index, std::string_view id, bool has_id) const;
  // Writes the head so that it ends at `body_at`. Returns the index of its first byte.
  std::size_t write_head(std::string& room, std::size_t body_at) const;

  const Entries& entries_;
  const Options options_;
  const base::Clock& clock_;
  const std::string head_start_;       // up to the value of Content-Length
  std::size_t body_at_ = 0;            // the index of the body in a room
  std::vector<std::string> prepared_;  // by entry; empty when `room` is used

  std::size_t next_in_turn_ = 0;
  std::mt19937_64 random_;
  base::UuidGenerator uuids_;
};

}  // namespace estadio::load
