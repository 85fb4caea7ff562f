// Reads one partition of a DiskLog: the last blocks in memory while it keeps up, else the files.
//
// Threads: a reader belongs to one thread; wake() may come from any thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "estadio/log/disk_log.h"

namespace estadio {

class DiskLog::Reader final : public PartitionReader {
 public:
  // Begins at offset 0. REQUIRES: `log` outlives it.
  Reader(DiskLog& log, PartitionId partition)
      : log_(log), partition_(partition), index_(log.index_of(partition)) {}

  base::Result<void> read(std::vector<LoggedRecord>& records,
                          std::chrono::nanoseconds patience) override;
  base::Result<void> seek(std::int64_t offset) override;
  [[nodiscard]] std::int64_t position() const override { return position_; }
  void wake() override;

 private:
  static constexpr std::size_t kRecordsMax = 4096;  // of one read()

  // Returns false when no record came in time.
  bool wait_for_records(std::chrono::nanoseconds patience);
  [[nodiscard]] bool has_entered_records() const { return part_ < parts_.size(); }
  // Takes records of the entered block, until there are kRecordsMax in all.
  void take_entered(std::vector<LoggedRecord>& records);
  // Takes this partition's parts of the block.
  void enter(const Block& block);
  base::Result<void> read_tail(std::vector<LoggedRecord>& records);
  base::Result<void> read_file(std::vector<LoggedRecord>& records);
  [[nodiscard]] bool locate_in_tail();
  base::Result<void> open_file();
  base::Result<void> open_next_file();
  base::Result<void> open_segment(const Segment& segment, std::size_t number);

  DiskLog& log_;
  const PartitionId partition_;
  const std::size_t index_;
  std::int64_t position_ = 0;
  bool is_woken_ = false;  // guarded by the log's mutex

  // This partition's parts of the current block. Those from `part_` on are not read yet.
  std::vector<BlockPart> parts_;
  std::size_t part_ = 0;
  std::optional<std::uint64_t> next_sequence_;  // of the block to read next, once known
  // The memory of the records that the last read() returned, when they came from the tail.
  std::vector<std::shared_ptr<const TailBlock>> held_;
  std::optional<SegmentReader> file_;
  std::size_t segment_ = 0;  // that file_ reads
};

}  // namespace estadio
