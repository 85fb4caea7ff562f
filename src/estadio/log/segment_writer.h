// Writes blocks at the end of a log's last segment, and starts the next segment.
//
// append() returns once the block is on disk. After a failed write or sync the contents of the disk
// are unknown: has_failed() stays true, and nothing more must be written.
//
// Threads: belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "estadio/log/disk.h"
#include "estadio/log/segment_preallocator.h"
#include "estadio/log/segments.h"

namespace estadio {

class SegmentWriter {
 public:
  // The end of the last segment.
  struct End {
    std::size_t last_block = 0;  // the position of the last whole block; 0, the header's, if none
    std::size_t position = 0;    // where the next block goes
    SegmentReader::Rest rest = SegmentReader::Rest::kZeros;  // after `position`
  };

  // REQUIRES: the folder exists; `disk` and `log` outlive this.
  SegmentWriter(std::string folder, std::size_t segment_bytes, Disk& disk, base::Logger& log);

  // Goes on with the segment of an old log. Cuts off a torn tail and reports it. Writes the last
  // whole block once more and syncs it. The previous process may have died before the block was
  // synced. Errors: the system's; kResourceExhausted.
  [[nodiscard]] base::Result<void> resume(const Segment& segment, const End& end);

  [[nodiscard]] bool has_room(std::size_t bytes) const { return active_ && end_ + bytes <= bytes_; }
  // Starts a segment with this header, with room for a block of `bytes`. Returns the segment, whose
  // header has its size. REQUIRES: !has_failed(). Errors: the system's; kResourceExhausted when the
  // disk is full.
  [[nodiscard]] base::Result<Segment> start_segment(SegmentHeader header, std::size_t bytes);

  // Writes the block and waits for the disk. REQUIRES: has_room(). Errors: the system's.
  [[nodiscard]] base::Result<void> append(std::string_view block);

  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  [[nodiscard]] base::Result<std::string> read(const Segment& segment, std::size_t from,
                                               std::size_t until) const;
  base::Result<void> repair_tail(const Segment& segment, std::size_t from);
  base::Result<void> rewrite(const Segment& segment, std::size_t from, std::size_t until);
  base::Result<void> write_synced(std::string_view block);

  const std::string folder_;
  const std::size_t segment_bytes_;
  Disk& disk_;
  base::Logger& log_;
  base::UniqueFd active_;
  std::size_t bytes_ = 0;  // of the file, with room reserved
  std::size_t end_ = 0;    // where the next block goes
  bool has_failed_ = false;
  SegmentPreallocator preallocator_;
};

}  // namespace estadio
