// The port to the durable log of results: two topics, `winners` and `losers`, each divided into
// partitions of records that are only ever added. Implementations, in log/, pass
// event_log_contract.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "estadio/contest/entry.h"

namespace estadio {

[[nodiscard]] constexpr std::string_view topic_of(Outcome outcome) {
  return outcome == Outcome::kWinner ? "winners" : "losers";
}

// One partition of one topic. The topic is named by the outcome that its records share.
struct PartitionId {
  Outcome topic = Outcome::kWinner;
  int number = 0;

  friend bool operator==(const PartitionId&, const PartitionId&) = default;
};

// Records on their way into the log, by partition: lines as RecordFormat writes them.
struct RecordBatch {
  struct Part {
    std::string lines;
    std::uint32_t count = 0;
  };

  explicit RecordBatch(int partition_count)
      : partitions(partition_count), parts(static_cast<std::size_t>(partition_count) * 2) {}

  [[nodiscard]] Part& part(PartitionId id) {
    return parts[static_cast<std::size_t>(id.topic) * static_cast<std::size_t>(partitions) +
                 static_cast<std::size_t>(id.number)];
  }
  void clear() {
    for (Part& part : parts) {
      part.lines.clear();
      part.count = 0;
    }
  }

  int partitions;           // of each topic
  std::vector<Part> parts;  // the winners', then the losers'
};

// A record as read. `line` is without its newline and good until the reader's next call.
struct LoggedRecord {
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;  // when it was logged; never goes back within a partition
  std::string_view line;
};

// Reads one partition in order. Threads: belongs to one thread; wake() may come from any.
class PartitionReader {
 public:
  virtual ~PartitionReader() = default;

  // Replaces `records` by the next ones, at most a few thousand. Waits up to `patience` for the
  // first; leaves `records` empty when none came. Errors: kCorruption naming the place;
  // kUnavailable, to be tried again.
  [[nodiscard]] virtual base::Result<void> read(std::vector<LoggedRecord>& records,
                                                std::chrono::nanoseconds patience) = 0;

  // Goes on at `offset`: 0 to the partition's end.
  [[nodiscard]] virtual base::Result<void> seek(std::int64_t offset) = 0;

  // The offset of the next record to be read.
  [[nodiscard]] virtual std::int64_t position() const = 0;

  // Ends a read() that waits, or the next one that would.
  virtual void wake() = 0;
};

// All partitions of a log whose topics have so many each: the winners', then the losers'.
[[nodiscard]] inline std::vector<PartitionId> all_partitions(int partitions) {
  std::vector<PartitionId> all;
  for (const Outcome topic : {Outcome::kWinner, Outcome::kLoser}) {
    for (int number = 0; number < partitions; ++number) {
      all.push_back({.topic = topic, .number = number});
    }
  }
  return all;
}

// Threads: every method may be called from any thread.
class EventLog {
 public:
  // Called once, on any thread. A value: the whole batch is durable. An error: kUnavailable and
  // kResourceExhausted mean that none of it was kept; any other that this is not known.
  using Done = std::function<void(base::Result<void>)>;

  virtual ~EventLog() = default;

  // Adds the batch, whole or not at all. What is appended first stands first, and is done first, so
  // that an empty batch is done when all before it is. `batch` may be used again when this returns;
  // `done` may be called before it does.
  virtual void append(const RecordBatch& batch, Done done) = 0;

  // Tells this partition from one of the same name whose topic was deleted and made again:
  // positions belong to it. It stays as it is from the first record on; before, it may be nil.
  [[nodiscard]] virtual base::Result<base::Uuid> incarnation(PartitionId id) const = 0;
  // Of each topic; the same for as long as the topics live.
  [[nodiscard]] virtual int partitions() const = 0;
  // One past the last durable record.
  [[nodiscard]] virtual base::Result<std::int64_t> end_offset(PartitionId id) const = 0;
  // An offset with no record of `time_ms` or later before it, as near as the log can cheaply say.
  [[nodiscard]] virtual base::Result<std::int64_t> offset_before(PartitionId id,
                                                                 std::int64_t time_ms) const = 0;

  // A reader at `offset`. The log must outlive it.
  [[nodiscard]] virtual base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) const = 0;
};

}  // namespace estadio
