// The event log on this machine's disk.
//
// append() adds records to a batch in memory. One thread, the committer, takes the whole batch,
// writes it as one block and waits for the disk. Meanwhile the next batch gathers. So a commit
// costs one write and one fdatasync for any number of entries, and an idle log commits at once.
//
//   append() -> gathering_ -> committer: encode, SegmentWriter::append() -> tail_ -> readers
//                                                                        \-> done()
//
// Readers that keep up read tail_, the last blocks in memory. Other readers read the files.
//
// Bounds: append() refuses beyond kGatheringBytesMax in gathering_. Beyond kTailBytesMax tail_
// drops its oldest blocks. On a full disk the log refuses entries and tries again every second.
// After a failed write or fdatasync the contents of the disk are unknown. append() then refuses
// every batch until a new process opens the log and reads what the disk has.
//
// Threads: as EventLog says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_writer.h"
#include "base/result.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/block.h"
#include "estadio/log/disk.h"
#include "estadio/log/segment_writer.h"
#include "estadio/log/segments.h"

namespace estadio {

class DiskLog final : public EventLog {
 public:
  static constexpr std::size_t kGatheringBytesMax = std::size_t{64} << 20;
  static constexpr std::size_t kTailBytesMax = std::size_t{16} << 20;
  static constexpr std::size_t kSegmentBytesMin = std::size_t{64} << 10;
  static constexpr std::size_t kSegmentBytesMax = std::size_t{1} << 30;

  struct Options {
    std::string folder;
    int partitions = 2;  // of a new log; an old one must have as many
    std::size_t segment_bytes = std::size_t{64} << 20;  // kSegmentBytesMin to kSegmentBytesMax
    Disk* disk = nullptr;  // the machine's when null; must outlive the log
  };

  struct Stats {
    std::uint64_t commits = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    bool has_failed = false;  // append() refuses every batch
    bool is_full = false;     // there is no room for the next commit
  };

  // Opens the log in the folder, or makes one, and starts the committer. Cuts off a torn tail and
  // reports it. Writes the last whole block once more and syncs it. The previous process may have
  // died before the block was synced.
  // REQUIRES: no other process has the log open for writing; `clock` and `log` outlive it.
  // Errors: kInvalidArgument for segment_bytes; kCorruption naming the file; kFailedPrecondition
  // when the number of partitions differs; kResourceExhausted; the system's.
  [[nodiscard]] static base::Result<std::unique_ptr<DiskLog>> open(const Options& options,
                                                                   const base::Clock& clock,
                                                                   base::Logger& log);

  // Opens the log for reading alone, also while another process writes. This log ends at the last
  // block that was whole when it was opened. It does not grow.
  // Errors: kNotFound when there is no log; kCorruption naming the file; the system's.
  [[nodiscard]] static base::Result<std::unique_ptr<DiskLog>> open_to_read(
      const std::string& folder, const base::Clock& clock, base::Logger& log);

  ~DiskLog() override;

  // Commits all appended records and refuses further ones. The log can still be read.
  void stop();

  void append(const RecordBatch& batch, Done done) override;
  // The marks are the last records of each partition, also after the log is opened again: then
  // append() refuses from the start.
  void append_end_marks(Done done) override;
  // Returns whether the end marks are in the log.
  [[nodiscard]] bool has_ended() const;
  // The topic's id, made with the log.
  [[nodiscard]] base::Result<base::Uuid> incarnation(PartitionId id) override;
  [[nodiscard]] int partitions() const override;
  [[nodiscard]] base::Result<std::int64_t> end_offset(PartitionId id) override;
  [[nodiscard]] base::Result<std::int64_t> offset_before(PartitionId id,
                                                         std::int64_t time_ms) override;
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) override;
  // Only this process writes to the files, and it stops after a failed write.
  [[nodiscard]] bool can_lose_records() const override { return false; }

  [[nodiscard]] Stats stats() const;

 private:
  class Reader;

  // A durable block in memory.
  struct TailBlock {
    std::string bytes;
    Block block;  // its views point into bytes
  };
  using Tail = std::deque<std::shared_ptr<const TailBlock>>;  // shared: readers keep what they read

  struct Gathering {
    explicit Gathering(int partitions) : records(partitions) {}
    GatheredRecords records;
    std::vector<Done> waiting;
  };

  DiskLog(Options options, const base::Clock& clock, base::Logger& log);

  base::Result<void> create();
  // Reads the last segment. REQUIRES: segments_ is filled.
  base::Result<SegmentWriter::End> load();
  void commit_until_stopped(const std::stop_token& stop);
  base::Result<void> commit(Gathering& gathered);
  base::Result<void> make_room(std::size_t bytes);
  [[nodiscard]] bool wait_for_work(Gathering& gathered, const std::stop_token& stop);
  base::Failure fail_for_good(const base::Error& error);
  [[nodiscard]] std::size_t index_of(PartitionId id) const {
    return estadio::index_of(id, partitions());
  }

  // Constant after opening.
  const Options options_;
  Disk own_disk_;
  Disk& disk_;
  const base::Clock& clock_;
  base::Logger& log_;
  SegmentHeader identity_;  // the first segment's

  // The committer's alone.
  std::unique_ptr<SegmentWriter> writer_;  // null in a log that is only read
  std::size_t refused_bytes_ = 0;          // of the block that found no room
  std::uint64_t next_sequence_ = 0;
  std::int64_t newest_ms_ = 0;  // the highest time of all records

  mutable std::mutex mutex_;
  std::condition_variable readers_;
  std::condition_variable committer_;
  // Guarded by mutex_.
  Gathering gathering_;
  std::vector<Segment> segments_;
  std::vector<std::int64_t> next_offsets_;
  Tail tail_;
  std::size_t tail_bytes_ = 0;
  Stats stats_;
  bool is_stopped_ = false;
  bool is_ending_ = false;  // the end marks were appended, or are in the log
  bool has_ended_ = false;  // they are in the log

  std::jthread thread_;  // last: it is destroyed before the members that it uses
};

void write_metrics(base::MetricsWriter& metrics, const DiskLog::Stats& stats);

}  // namespace estadio
