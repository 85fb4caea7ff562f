// The event log on this machine's disk.
//
// append() adds to a batch in memory; one thread, the committer, takes all that has gathered,
// writes it as one block and waits for the disk. While it waits the next batch gathers, so a
// commit costs one write and one fdatasync however many entries it holds, and an idle log commits
// at once.
//
//   append() -> gathering_ -> committer: encode, pwrite, fdatasync -> tail_ -> readers
//                                                                 \-> done()
//
// Readers that keep up are served from tail_, the last blocks in memory; others read the files.
//
// Bounds: gathering_ holds kGatheringBytesMax, then append() refuses; tail_ holds kTailBytesMax,
// then its oldest blocks go. A full disk refuses entries and is tried again every second. After
// a failed write or fdatasync, what is on disk is not known: the log refuses everything until the
// process is started again, which reads what is really there.
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
#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/contest/event_log.h"
#include "estadio/log/block.h"
#include "estadio/log/disk.h"
#include "estadio/log/segment_preallocator.h"
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
    bool has_failed = false;  // refuses everything
    bool is_full = false;     // there is no room for the next commit
  };

  // Opens the log in the folder, or makes one, and starts the committer. A torn tail is cut off
  // and reported; the block before it is written once more, as the process that wrote it may not
  // have come to know that it is on disk. The caller sees to it that no other process has it open.
  // `clock` and `log` must outlive it. Errors: kCorruption naming file and byte;
  // kFailedPrecondition when the number of partitions differs; kResourceExhausted.
  [[nodiscard]] static base::Result<std::unique_ptr<DiskLog>> open(const Options& options,
                                                                   const base::Clock& clock,
                                                                   base::Logger& log);

  // For reading alone, beside the process that writes or after it: ends at the last whole block.
  [[nodiscard]] static base::Result<std::unique_ptr<DiskLog>> open_to_read(
      const std::string& folder, const base::Clock& clock, base::Logger& log);

  ~DiskLog() override;

  // Commits what was appended, and takes no more; what is there can still be read.
  void stop();

  void append(const RecordBatch& batch, Done done) override;
  // The topic's id, made with the log.
  [[nodiscard]] base::Result<base::Uuid> incarnation(PartitionId id) const override;
  [[nodiscard]] int partitions() const override;
  [[nodiscard]] base::Result<std::int64_t> end_offset(PartitionId id) const override;
  [[nodiscard]] base::Result<std::int64_t> offset_before(PartitionId id,
                                                         std::int64_t time_ms) const override;
  [[nodiscard]] base::Result<std::unique_ptr<PartitionReader>> read_from(
      PartitionId id, std::int64_t offset) const override;

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
    explicit Gathering(int partitions) : batch(partitions) {}
    RecordBatch batch;
    std::size_t bytes = 0;
    std::vector<Done> waiting;
  };

  DiskLog(Options options, const base::Clock& clock, base::Logger& log);

  base::Result<void> create();
  base::Result<void> load(bool to_write);
  [[nodiscard]] base::Result<std::string> read(const Segment& segment, std::size_t from,
                                               std::size_t until) const;
  base::Result<void> repair_tail(const Segment& segment, std::size_t from);
  base::Result<void> rewrite(const Segment& segment, std::size_t from, std::size_t until);
  void commit_until_stopped(const std::stop_token& stop);
  base::Result<void> commit(Gathering& gathered);
  base::Result<void> make_room(std::size_t bytes);
  base::Result<void> start_segment(std::size_t bytes);
  [[nodiscard]] bool wait_for_work(Gathering& gathered, const std::stop_token& stop);
  base::Result<void> write_block(const std::string& bytes);
  base::Failure fail_for_good(const base::Error& error);
  [[nodiscard]] std::size_t index_of(PartitionId id) const {
    return static_cast<std::size_t>(id.topic) * static_cast<std::size_t>(partitions()) +
           static_cast<std::size_t>(id.number);
  }

  // Constant after opening.
  const Options options_;
  Disk own_disk_;
  Disk& disk_;
  const base::Clock& clock_;
  base::Logger& log_;
  SegmentHeader identity_;  // the first segment's

  // The committer's alone.
  base::UniqueFd active_;
  std::size_t active_bytes_ = 0;   // of the file, with room reserved
  std::size_t active_end_ = 0;     // where the next block goes
  std::size_t refused_bytes_ = 0;  // of the block that found no room
  std::uint64_t next_sequence_ = 0;
  std::int64_t last_time_ms_ = 0;
  bool has_failed_ = false;
  std::unique_ptr<SegmentPreallocator> preallocator_;

  mutable std::mutex mutex_;
  mutable std::condition_variable readers_;
  std::condition_variable committer_;
  // Guarded by mutex_.
  Gathering gathering_;
  std::vector<Segment> segments_;
  std::vector<std::int64_t> next_offsets_;
  Tail tail_;
  std::size_t tail_bytes_ = 0;
  Stats stats_;
  bool is_stopped_ = false;

  std::jthread thread_;  // last: ends before what it uses goes
};

}  // namespace estadio
