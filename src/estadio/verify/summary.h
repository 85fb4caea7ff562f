// A summary is the result of a proof in a file that outlives the machines. It has the counts, the
// coin and a digest of each partition's records. A later proof compares a log with it.
//
// The file is one JSON object. Its member `partitions` says which records are meant:
//
//   {"topic":"winners","partition":0,"next_offset":75031,"sha256":"9f…"}
//
// The digest is the SHA-256 of a line for each record before `next_offset`, in their order: offset,
// time in ms since 1970 and the record, with a space between them and a newline at the end. So
// anybody can compute it from Kafka:
//
//   kcat -b 127.0.0.1:9092 -C -t winners -p 0 -e -f '%o %T %s\n' | head -n 75031 | sha256sum
//
// Threads: values; a PartitionDigest belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estadio/contest/entry.h"
#include "estadio/contest/event_log.h"
#include "estadio/contest/score_book.h"

namespace estadio {

// The digest of the records of a partition that were added.
class PartitionDigest {
 public:
  PartitionDigest();
  ~PartitionDigest();
  PartitionDigest(const PartitionDigest&) = delete;
  PartitionDigest& operator=(const PartitionDigest&) = delete;

  void add(const LoggedRecord& record);
  // Returns 64 hexadecimal digits. More records may follow.
  [[nodiscard]] std::string hex() const;

 private:
  struct State;  // the library's

  std::unique_ptr<State> state_;
  std::string line_;  // room for one
};

struct Summary {
  static constexpr std::size_t kFileBytesMax = std::size_t{4} << 20;

  struct Partition {
    PartitionId id;
    std::int64_t next_offset = 0;  // the digest is of the records before it
    std::string sha256;

    friend bool operator==(const Partition&, const Partition&) = default;
  };

  std::string program;  // name and version of the program that proved
  std::int64_t proved_at_ms = 0;
  std::string contest;  // its name
  std::int64_t started_at_ms = 0;
  std::int64_t retry_window_ms = 0;
  std::string coin_commitment;
  std::string coin_seed;  // empty while it is secret
  NotCounted not_counted;
  std::vector<Score::Count> counts;  // without zeros
  std::vector<Partition> partitions;

  // Returns one JSON object and a newline.
  [[nodiscard]] std::string to_json() const;

  // Returns how many records the summary is of.
  [[nodiscard]] std::int64_t records() const;

  // Reads what to_json() returns. Errors: kInvalidArgument, which names the file and the member;
  // those of reading the file.
  [[nodiscard]] static base::Result<Summary> from_file(const std::string& path);

  // Returns null when there is no such partition.
  [[nodiscard]] const Partition* find(PartitionId id) const;
};

// Returns the SHA-256 of a text as 64 hexadecimal digits.
[[nodiscard]] std::string sha256_of(std::string_view text);

}  // namespace estadio
