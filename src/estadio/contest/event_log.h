// The port to the durable log of results. The log has two topics, `winners` and `losers`. Each
// topic has the same number of partitions. Partitions are append-only.
//
// The implementations are in log/ and pass event_log_contract.h.
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

[[nodiscard]] constexpr std::string_view topic_name(Outcome outcome) {
  return outcome == Outcome::kWinner ? "winners" : "losers";
}

// One partition of one topic. All records of a topic share its outcome.
struct PartitionId {
  Outcome topic = Outcome::kWinner;
  int number = 0;

  friend bool operator==(const PartitionId&, const PartitionId&) = default;
};

// Returns the place of a partition in all_partitions(partitions).
[[nodiscard]] constexpr std::size_t index_of(PartitionId id, int partitions) {
  return static_cast<std::size_t>(id.topic) * static_cast<std::size_t>(partitions) +
         static_cast<std::size_t>(id.number);
}

// Records to append, by partition. The lines have the form that RecordFormat writes.
struct RecordBatch {
  struct Part {
    std::string lines;
    std::uint32_t count = 0;
    bool has_given_ids = false;
  };

  explicit RecordBatch(int partition_count)
      : partitions(partition_count), parts(static_cast<std::size_t>(partition_count) * 2) {}

  [[nodiscard]] Part& part(PartitionId id) { return parts[index_of(id, partitions)]; }
  void clear() {
    for (Part& part : parts) {
      part.lines.clear();
      part.count = 0;
      part.has_given_ids = false;
    }
  }

  int partitions;           // of each topic
  std::vector<Part> parts;  // the winners', then the losers'
  // When the judge took the entries, by its clock. The log stores it with every record whose part
  // has given ids. Other records have about this time.
  std::int64_t time_ms = 0;
};

// A record as read. `line` has no newline and is valid until the reader's next call.
struct LoggedRecord {
  std::int64_t offset = 0;
  // When its judge took the entry, by the judge's clock (RecordBatch::time_ms). It may be less than
  // that of an earlier record: judges have different clocks, and clocks are set.
  std::int64_t time_ms = 0;
  std::string_view line;
};

// A record with a line of its own.
struct CopiedRecord {
  std::int64_t offset = 0;
  std::int64_t time_ms = 0;
  std::string line;

  [[nodiscard]] LoggedRecord logged() const {
    return {.offset = offset, .time_ms = time_ms, .line = line};
  }
};

// Reads one partition in order.
//
// Threads: a reader belongs to one thread. wake() may be called from any thread.
class PartitionReader {
 public:
  virtual ~PartitionReader() = default;

  // Replaces `records` with the next ones, at most a few thousand. Waits up to `patience` for the
  // first. Leaves `records` empty when none arrives in that time.
  // Errors: kCorruption, which names the place; kUnavailable, after which the caller may retry.
  [[nodiscard]] virtual base::Result<void> read(std::vector<LoggedRecord>& records,
                                                std::chrono::nanoseconds patience) = 0;

  // Moves to `offset`, which may be the partition's end.
  // Errors: kInvalidArgument when `offset` is negative or beyond the end; kCorruption when the log
  // has lost its record; kUnavailable. After an error the position stays.
  [[nodiscard]] virtual base::Result<void> seek(std::int64_t offset) = 0;

  // Returns the offset of the next record that read() gives.
  [[nodiscard]] virtual std::int64_t position() const = 0;

  // Ends the current wait in read(). Without a current wait, the next one ends at once.
  virtual void wake() = 0;
};

// Returns all partitions of a log with `partitions` per topic: the winners', then the losers'.
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
  // Called once, on any thread, with the batch's status.
  //   A value: the whole batch is durable.
  //   kUnavailable, kResourceExhausted: nothing of the batch was logged.
  //   Any other error: the result is unknown.
  using Done = std::function<void(base::Result<void>)>;

  virtual ~EventLog() = default;

  // Appends the batch. After an error other than kUnavailable or kResourceExhausted, the log may
  // hold part of it. The log holds batches in the order in which append() was called, and calls
  // `done` in the same order. An empty batch also waits for the batches before it. Only the `done`
  // of a refused batch may come earlier. append() may call `done` before it returns. The caller may
  // change `batch` after append() returns.
  virtual void append(const RecordBatch& batch, Done done) = 0;

  // Appends an end mark (RecordFormat::kEndMark) to every partition, behind all earlier appends.
  // A record behind a partition's first mark never counts. From the call on, append() of this log
  // refuses every batch with kUnavailable. `done` is called as by append(). After an error the
  // caller may call it again.
  virtual void append_end_marks(Done done) = 0;

  // The queries that may ask a cluster are not const, because they may record that the cluster is
  // unreachable. partitions() asks nothing, so it is const.

  // Returns the partition's incarnation. A topic that is deleted and made again gets new ones, so a
  // position is valid only within one incarnation. The incarnation may be nil while the partition
  // is empty. After the first record it never changes.
  [[nodiscard]] virtual base::Result<base::Uuid> incarnation(PartitionId id) = 0;
  // Returns the number of partitions of each topic. It never changes while the topics exist.
  [[nodiscard]] virtual int partitions() const = 0;
  // Returns one past the last durable record.
  [[nodiscard]] virtual base::Result<std::int64_t> end_offset(PartitionId id) = 0;
  // Returns an offset before which every record is older than `time_ms`. The log gives the highest
  // such offset that it can find cheaply.
  [[nodiscard]] virtual base::Result<std::int64_t> offset_before(PartitionId id,
                                                                 std::int64_t time_ms) = 0;

  // Returns a reader at `offset`. Errors: those of PartitionReader::seek(); the system's.
  // REQUIRES: the log outlives the reader.
  [[nodiscard]] virtual base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) = 0;

  // Returns whether the log may lose durable records while it is open. A cluster may, when a broker
  // comes back with an older disk. Readers of such a log check earlier records with read_again().
  [[nodiscard]] virtual bool can_lose_records() const { return true; }
  // Returns the record at `offset`, as the log has it now. The default uses a new reader, and waits
  // up to 5 s for the record.
  // Errors: kCorruption when the log ends before it; kUnavailable when the record does not come in
  // time; those of end_offset() and PartitionReader.
  [[nodiscard]] virtual base::Result<CopiedRecord> read_again(PartitionId id, std::int64_t offset);
};

// Returns the error of a log that ends at `end`, where the record at `offset` was: kCorruption.
[[nodiscard]] base::Error lost_end(PartitionId id, std::int64_t offset, std::int64_t end);

}  // namespace estadio
